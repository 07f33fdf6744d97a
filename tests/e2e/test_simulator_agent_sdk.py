"""The real Claude Agent SDK and its CLI carry out a scripted subtask with real tools."""

import json
import os
import sys
from pathlib import Path

from claude_agent_sdk import (
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ResultMessage,
    ToolResultBlock,
    UserMessage,
)

from scripts.claude_simulator.server import simulated_model

SAMPLE = Path(__file__).parents[2] / "scripts" / "sample" / "sales.csv"
TEXT = {"type": "string"}
OUTCOME = {
    "type": "object",
    "properties": {
        "summary": TEXT,
        "output": {"type": "object"},
        "files": {"type": "array", "items": TEXT},
        "claims": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"kind": TEXT, "what": TEXT, "detail": TEXT},
                "required": ["kind", "what", "detail"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["summary", "output", "files", "claims"],
    "additionalProperties": False,
}


def options(url: str, workspace: Path, home: Path) -> ClaudeAgentOptions:
    return ClaudeAgentOptions(
        cwd=workspace,
        tools=["Bash", "Edit", "Write"],
        allowed_tools=["Bash"],
        permission_mode="acceptEdits",
        setting_sources=[],
        strict_mcp_config=True,
        skills=[],
        verbatim_prompts=True,
        system_prompt="You are an agent.",
        model="claude-sonnet-5-5",
        max_turns=8,
        output_format={"type": "json_schema", "schema": OUTCOME},
        env={
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": "none",
            "CLAUDE_CONFIG_DIR": str(home),
            "CLAUDE_CODE_MAX_RETRIES": "2",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # ours take seconds to load
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )


def prompt(workspace: Path) -> str:
    return (
        '<task title="Sales">Look at our sales. [[simulate: agent cut_stream]]</task>\n'
        '<subtask key="inspect" attempt="1" title="Look">Count the problems.</subtask>\n'
        f"<workspace>\nworking directory: {workspace}\n</workspace>\n"
        f'<context_files><file name="sales.csv" size="1" path="{SAMPLE}"/></context_files>'
    )


async def turn(client: ClaudeSDKClient, words: str) -> tuple[ResultMessage, list[ToolResultBlock]]:
    await client.query(words)
    tools: list[ToolResultBlock] = []
    async for message in client.receive_response():
        if isinstance(message, UserMessage) and isinstance(message.content, list):
            tools += [block for block in message.content if isinstance(block, ToolResultBlock)]
        if isinstance(message, ResultMessage):
            return message, tools
    raise AssertionError("the session ended without a result")


async def test_session_survives_a_cut_stream_and_a_correction(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    async with (
        simulated_model() as url,
        ClaudeSDKClient(options(url, workspace, tmp_path / "home")) as client,
    ):
        result, tools = await turn(client, prompt(workspace))
        corrected, _ = await turn(client, "A check failed. Correct it and report again.")
    assert not result.is_error
    profile = json.loads((workspace / "profile.json").read_text())
    assert profile["rows"] == 652
    assert result.structured_output["output"] == profile
    assert result.structured_output["files"] == ["profile.json"]
    assert [bool(block.is_error) for block in tools] == [False, False, False]
    assert corrected.structured_output == result.structured_output
    assert result.usage is not None
    assert result.usage["cache_read_input_tokens"] > 0


async def test_session_passes_its_tests_after_two_corrections(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    claims: list[list[str]] = []
    async with (
        simulated_model() as url,
        ClaudeSDKClient(options(url, workspace, tmp_path / "home")) as client,
    ):
        for words in (backend_prompt(workspace), correction(1), correction(2)):
            result, tools = await turn(client, words)
            assert not any(block.is_error for block in tools), tools
            claims.append([claim["what"] for claim in result.structured_output["claims"]])
            printed = result.structured_output["output"].get("printed", "")
    assert claims == [
        ["prices.py", "test_prices.py"],
        ["prices.py", "python -m pytest -q -k shipping"],
        ["prices.py", "python -m pytest -q"],
    ]
    assert "4 passed" in printed
    assert "quantize(CENT, ROUND_HALF_UP)" in (workspace / "prices.py").read_text()
    assert {file.name for file in workspace.iterdir()} >= {"prices.py", "test_prices.py"}


def backend_prompt(workspace: Path) -> str:
    return (
        '<task title="Prices">Write the backend module for our order prices.</task>\n'
        '<subtask key="prices" attempt="1" title="Write it">Write prices.py.</subtask>\n'
        f"<workspace>\nworking directory: {workspace}\n</workspace>"
    )


def correction(number: int) -> str:
    return (
        f'<correction number="{number}" of="3" reason="checks">\n'
        "<problem>python -m pytest -q failed</problem>\n</correction>\n"
        "Mend what is wrong, then return the whole result again."
    )
