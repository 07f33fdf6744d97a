"""Whole attempts with a scripted model: the real executor, sessions, tools, checks and walls."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID, uuid4

from agent.attempt import Note
from agent.claude_sandbox import sandbox_available
from agent.executor import ClaudeExecutor
from agent.outcome import Completed, Failed, Outcome, Spent
from agent.profiles import Profile, profile_named
from agent.reviewer import Reviewer
from agent.runtime import Runtime
from agent.scrutiny import Scrutiny
from agent.toolbox import Toolboxes
from agent.tools import TOOL_NAMES
from shared import config
from shared.database.data import DataStore
from shared.embedding import HashingEmbedder
from shared.models import Assignment, Capability, ContextFile, PlannedCheck, Verification
from shared.workspace import Workspace
from tests.data_world import SECRET
from tests.messages_server import (
    Answer,
    Call,
    Failure,
    Reply,
    Request,
    Structured,
    Text,
    messages_server,
)

Round: TypeAlias = Sequence[Reply]

_SUBTASK = re.compile(r'<subtask key="([^"]+)"')
_CORRECTION = re.compile(r'<correction number="(\d+)"')
_CWD = re.compile(r"working directory: (/[^\s\\]+)")
_NOBODY = Failure(400, "invalid_request_error", "no attempt of this key is scripted")


class Model:
    """Plays the script of each attempt, which it tells by the key of its subtask.

    A script holds the replies of the first round and of each correction. The last reply of a
    round comes again when more is asked in it; in a correction beyond the script, that of the
    last round does: a model that insists.
    """

    def __init__(self) -> None:
        self.prompts: dict[str, list[str]] = {}
        self._scripts: dict[str, Sequence[Round]] = {}

    def learn(self, key: str, script: Sequence[Round]) -> None:
        """What to do in the attempt at this subtask."""
        self._scripts[key] = script
        self.prompts[key] = []

    def __call__(self, request: Request) -> Reply:
        messages = request.body["messages"]
        texts = [_text(message) for message in messages]
        found = _SUBTASK.search(texts[0])
        if found is None or found[1] not in self._scripts:
            return _NOBODY
        asked = [
            at
            for at, text in enumerate(texts)
            if messages[at]["role"] == "user"
            and (_CORRECTION.search(text) or _SUBTASK.search(text))
        ]
        self.prompts[found[1]] = [texts[at] for at in asked]
        step = sum(message["role"] == "assistant" for message in messages[asked[-1] :])
        place = _CWD.search(texts[0])
        reply = _at(self._scripts[found[1]], len(asked) - 1, step)
        played: Reply = filled(reply, {"cwd": place[1] if place else ""})
        return played


def _at(script: Sequence[Round], number: int, step: int) -> Reply:
    if number >= len(script):
        return script[-1][-1]
    return script[number][min(step, len(script[number]) - 1)]


def _text(message: Mapping[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in content)


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """The same script with these texts for `{name}`, however deep."""
    match value:
        case str():
            for name, text in names.items():
                value = value.replace(f"{{{name}}}", text)
            return value
        case dict():
            return {key: filled(item, names) for key, item in value.items()}
        case list() | tuple():
            return type(value)(filled(item, names) for item in value)
        case Answer() | Text() | Call() | Structured():
            changed = {
                each.name: filled(getattr(value, each.name), names) for each in fields(value)
            }
            return replace(value, **changed)
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Attempted:
    """What became of an attempt, and all that was told of it."""

    outcome: Outcome
    notes: tuple[Note, ...]
    folder: Path
    prompts: tuple[str, ...]

    @property
    def completed(self) -> Completed:
        """The outcome of an attempt that has to have been accepted."""
        assert isinstance(self.outcome, Completed), self.outcome
        return self.outcome

    @property
    def failed(self) -> Failed:
        """The outcome of an attempt that has to have been refused."""
        assert isinstance(self.outcome, Failed), self.outcome
        return self.outcome

    @property
    def verification(self) -> Verification:
        """What was looked at."""
        assert isinstance(self.outcome, Completed | Failed), self.outcome
        assert self.outcome.verification is not None, self.outcome
        return self.outcome.verification

    def told(self, kind: str) -> list[Note]:
        """The notes of one kind."""
        return [note for note in self.notes if note.kind == kind]


@dataclass(slots=True)
class Bench:
    """Runs attempts on one machine, with one model for all of them."""

    model: Model
    url: str
    folder: Path
    toolboxes: Toolboxes
    sandbox: bool = field(default_factory=sandbox_available)
    check_seconds: float = 30.0

    async def attempt(
        self,
        script: Sequence[Round],
        *,
        checks: Sequence[PlannedCheck] = (),
        profile: Profile | None = None,
        role: str | None = None,
        uploads: Mapping[str, str] | None = None,
        seconds: float = 120.0,
        max_corrections: int = 3,
        reviewer: Reviewer | None = None,
        **changes: Any,
    ) -> Attempted:
        """One attempt in a task of its own; `role` is the profile that the subtask names."""
        task_id, notes = uuid4(), list[Note | Spent]()
        workspace = Workspace(self.folder / "files", task_id)
        workspace.prepare()
        given = _uploaded(workspace.context, uploads or {})
        assignment = _assignment(
            task_id, checks=tuple(checks), profile=role, context_files=given, **changes
        )
        self.model.learn(assignment.key, script)
        executor = self.executor(profile, seconds, max_corrections, reviewer)
        outcome = await executor.execute(assignment, notes.append)
        folder = workspace.attempt(assignment.subtask_id, assignment.attempt)
        told = tuple(note for note in notes if isinstance(note, Note))
        return Attempted(outcome, told, folder, tuple(self.model.prompts[assignment.key]))

    def executor(
        self,
        profile: Profile | None = None,
        seconds: float = 120.0,
        max_corrections: int = 3,
        reviewer: Reviewer | None = None,
    ) -> ClaudeExecutor:
        """What works here on any attempt whose key the model has learned."""
        runtime = self._runtime(profile or whole_profile(), seconds)
        scrutiny = Scrutiny(
            runtime=runtime,
            max_corrections=max_corrections,
            check_seconds=self.check_seconds,
            review_share=1.0,
        )
        return ClaudeExecutor(runtime, self.toolboxes.for_attempt, scrutiny, reviewer)

    def _runtime(self, profile: Profile, seconds: float) -> Runtime:
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        return Runtime(
            profile=profile,
            model="claude-sonnet-5-5",
            fallback_model=None,
            files=self.folder / "files",
            scratch=scratch,
            environment={"ANTHROPIC_API_KEY": "scripted", "ANTHROPIC_BASE_URL": self.url},
            sandbox=self.sandbox,
            hidden=(self.folder / "files",),
            attempt_seconds=seconds,
            marker=f"attempts@{self.folder}",
        )


def _uploaded(folder: Path, uploads: Mapping[str, str]) -> tuple[ContextFile, ...]:
    for name, content in uploads.items():
        (folder / name).write_text(content)
    return tuple(
        ContextFile(name=name, size=len(content), sha256="0" * 64)
        for name, content in uploads.items()
    )


def whole_profile() -> Profile:
    """An agent with every tool that there is."""
    engineer = profile_named("engineer")
    return engineer.model_copy(update={"mcp_tools": tuple(sorted(TOOL_NAMES))})


def _assignment(task_id: UUID, **changes: Any) -> Assignment:
    values: dict[str, Any] = {
        "subtask_id": uuid4(),
        "task_id": task_id,
        "attempt": 1,
        "owner": uuid4(),
        "key": f"s-{uuid4().hex}",
        "title": "A subtask",
        "description": "Do the subtask.",
        "expected_output": "What was asked for.",
        "required_capabilities": (Capability.CODE_GENERATION,),
        "profile": None,
        "checks": (),
        "estimated_seconds": 1,
        "task_title": "A task",
        "task_description": "Do the task.",
        "user_id": "ann",
        "context_files": (),
        "prerequisites": (),
    }
    return Assignment.model_validate(values | changes)


@asynccontextmanager
async def open_bench(folder: Path, data_url: str) -> AsyncIterator[Bench]:
    """A bench that keeps its files in `folder`; `data_url` is a migrated database of agents' data.

    Its agents may reach servers on this machine.
    """
    settings = config.AgentSettings.model_validate({"AGENT_ALLOW_PRIVATE_ADDRESSES": True})
    model = Model()
    with messages_server(model) as server:
        async with DataStore.open(data_url, SECRET) as store:
            toolboxes = Toolboxes(store, HashingEmbedder(), settings, "bench")
            yield Bench(model, server.url, folder, toolboxes)
