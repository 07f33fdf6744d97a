"""What a session is given, and how that is said to the Claude Agent SDK."""

import json
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import claude_agent_sdk
from claude_agent_sdk import (
    AgentDefinition,
    ClaudeAgentOptions,
    HookCallback,
    HookMatcher,
    SdkMcpTool,
    create_sdk_mcp_server,
)

from agent.environment import ADDED_BY_SDK, session_environment
from agent.guard import READING, WRITING
from agent.process_tree import MARKER, write_launch_script
from agent.tool_names import SERVER
from shared.errors import ConfigurationError

MAX_MESSAGE_BYTES = 64 * 1024 * 1024

Objection: TypeAlias = Callable[[str, Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Subagent:
    """A helper that the agent may start for a part of its work; it has the same tools."""

    description: str
    prompt: str


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """One attempt's session.

    `marker` names the attempt in the environment of all its processes. `working_directory` is
    the only place that file tools may write; `config_directory` is made for the session and
    removed after it. `environment` goes to the CLI and so to Bash. With the sandbox on, Bash
    cannot read below `hidden`, except what is `readable`, and has no network. `objection` is
    asked before each tool call that the walls allow; what it answers is told to the agent
    instead of the call.
    """

    marker: str
    system_prompt: str
    model: str
    working_directory: Path
    config_directory: Path
    output_schema: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    fallback_model: str | None = None
    tools: tuple[str, ...] = ()
    mcp_tools: tuple[SdkMcpTool[Any], ...] = ()
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    subagents: Mapping[str, Subagent] = field(default_factory=dict)
    max_turns: int = 50
    api_retries: int = 3
    api_timeout_seconds: float = 300
    sandbox: bool = False
    objection: Objection | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """What a session makes for itself on disk, and removes.

    `scratch` takes its programs' temporary files and the CLI's sockets, whose paths may have
    about 100 bytes: too few for a directory deep in a workspace.
    """

    config: Path
    scratch: Path
    script: Path
    pid_file: Path


def prepare(settings: SessionSettings) -> Places:
    """Make the session's directories and the script that starts its CLI."""
    settings.config_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="q-")).resolve()
    names = full_environment(settings, scratch).keys() | ADDED_BY_SDK
    config = settings.config_directory
    script, pid_file = write_launch_script(config, [bundled_cli()], names, [config, scratch])
    return Places(config, scratch, script, pid_file)


def clean(places: Places) -> None:
    """Remove what the session made for itself."""
    for directory in (places.config, places.scratch):
        shutil.rmtree(directory, ignore_errors=True)


def full_environment(settings: SessionSettings, scratch: Path) -> dict[str, str]:
    """The allow-list, what the caller gives, and what the session needs."""
    given = {
        **settings.environment,
        MARKER: settings.marker,
        "CLAUDE_CONFIG_DIR": str(settings.config_directory),
        "CLAUDE_CODE_TMPDIR": str(scratch),
        "CLAUDE_CODE_MAX_RETRIES": str(settings.api_retries),
        "API_TIMEOUT_MS": str(int(settings.api_timeout_seconds * 1000)),
    }
    return session_environment(os.environ, given, scratch=scratch)


def bundled_cli() -> str:
    """The CLI that came with the SDK, else one on the PATH."""
    bundled = Path(claude_agent_sdk.__file__).with_name("_bundled") / "claude"
    found = str(bundled) if bundled.is_file() else shutil.which("claude")
    if found is None:
        raise ConfigurationError(
            "The Claude Code CLI is not installed.",
            remedy="Install claude-agent-sdk from a wheel for this platform: it brings the CLI.",
        )
    return found


def to_options(
    settings: SessionSettings, places: Places, guard: HookCallback, stderr: deque[str]
) -> ClaudeAgentOptions:
    """The SDK's options; nothing is read from any settings file on this machine."""
    server = create_sdk_mcp_server(SERVER, tools=list(settings.mcp_tools))
    return ClaudeAgentOptions(
        tools=list(settings.tools),
        system_prompt=settings.system_prompt,
        model=settings.model,
        fallback_model=settings.fallback_model,
        max_turns=settings.max_turns,
        cwd=settings.working_directory,
        env=full_environment(settings, places.scratch),
        cli_path=places.script,
        setting_sources=[],
        strict_mcp_config=True,
        skills=[],
        verbatim_prompts=True,
        mcp_servers={SERVER: server} if settings.mcp_tools else {},
        permission_mode="dontAsk",
        settings=json.dumps(_cli_settings(settings, places)),
        # "block": a guard that fails lets nothing through
        hooks={"PreToolUse": [HookMatcher(hooks=[guard], on_failure="block")]},
        agents=_agents(settings),
        output_format={"type": "json_schema", "schema": dict(settings.output_schema)},
        include_partial_messages=True,  # no other way tells how many tokens an answer took
        forward_subagent_text=True,
        max_buffer_size=MAX_MESSAGE_BYTES,
        stderr=lambda line: stderr.append(line[:500]),
        extra_args={"no-session-persistence": None},
    )


def _agents(settings: SessionSettings) -> dict[str, AgentDefinition] | None:
    return {
        name: AgentDefinition(description=subagent.description, prompt=subagent.prompt)
        for name, subagent in settings.subagents.items()
    } or None


def readable_roots(settings: SessionSettings, places: Places) -> tuple[Path, ...]:
    """What file tools may read: also the long tool results that the CLI puts on disk."""
    spilled = places.config / "projects"
    roots = (settings.working_directory, *settings.readable, places.scratch, spilled)
    return tuple(root.resolve() for root in roots)


def _cli_settings(settings: SessionSettings, places: Places) -> dict[str, Any]:
    readable = [str(root) for root in readable_roots(settings, places)]
    writable = str(settings.working_directory.resolve())
    bare = [tool for tool in settings.tools if tool not in READING and tool not in WRITING]
    rules = [f"Read(/{root}/**)" for root in readable] + [f"Edit(/{writable}/**)"]
    servers = [f"mcp__{SERVER}"] if settings.mcp_tools else []
    sandbox = {
        "enabled": settings.sandbox,
        "autoAllowBashIfSandboxed": True,
        "allowUnsandboxedCommands": False,
        "failIfUnavailable": True,
        "filesystem": {
            "allowWrite": [writable, str(places.scratch)],
            "denyRead": [str(root.resolve()) for root in settings.hidden],
            "allowRead": readable,
        },
    }
    return {"permissions": {"allow": [*bare, *rules, *servers]}, "sandbox": sandbox}
