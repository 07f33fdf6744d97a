"""A session against the real SDK and CLI; only the model's words are scripted."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
import pytest
from claude_agent_sdk import tool

from agent.claude import ClaudeSession
from agent.claude_events import (
    ApiRetried,
    SessionEvent,
    TextSaid,
    ToolCalled,
    ToolDenied,
    ToolReturned,
    TurnEnded,
)
from agent.claude_sandbox import sandbox_available
from agent.claude_settings import SessionSettings, Subagent
from shared.errors import (
    MalformedOutput,
    ModelCutOff,
    ModelError,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelUnreachable,
    SessionLost,
    TurnsExhausted,
)
from tests.messages_server import (
    Answer,
    Call,
    Failure,
    Reply,
    Request,
    Stall,
    Structured,
    Text,
    call,
    messages_server,
    say,
    structured,
)

SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}
KEY = "sk-ant-a-key-that-must-not-show"


@pytest.fixture
def settings(tmp_path: Path) -> SessionSettings:
    """A task's workspace beside another task's; the address of the model is still to be set."""
    task = tmp_path / "tasks/mine"
    for folder in ("mine/temp/part/1", "mine/context", "other"):
        (tmp_path / "tasks" / folder).mkdir(parents=True)
    (task / "context/in.csv").write_text("a,b\n1,2\n")
    (tmp_path / "tasks/other/secret.txt").write_text("of another task")
    return SessionSettings(
        marker=f"test/{tmp_path.name}",
        system_prompt="You work for a test.",
        model="claude-sonnet-5-5",
        working_directory=task / "temp/part/1",
        config_directory=tmp_path / "claude",
        output_schema=SCHEMA,
        environment={"ANTHROPIC_API_KEY": KEY},
        tools=("Bash", "Read", "Write", "Edit", "Glob", "Grep"),
        readable=(task,),
        hidden=(tmp_path / "tasks",),
        api_retries=0,
    )


def at(settings: SessionSettings, url: str, **changes: Any) -> SessionSettings:
    environment = {**settings.environment, "ANTHROPIC_BASE_URL": url}
    return replace(settings, environment=environment, **changes)


def nothing(_: SessionEvent) -> None:
    """For those who do not listen."""


async def test_answers_cost_what_they_cost_and_nothing_stays(settings: SessionSettings) -> None:
    script = [
        Answer(
            (Text("Let me look."), Call("Bash", {"command": "echo 4 > made.txt; cat made.txt"}))
        ),
        structured({"summary": "first"}, input_tokens=100, output_tokens=10),
        structured({"summary": "second"}, input_tokens=7, output_tokens=3),
    ]
    events: list[SessionEvent] = []
    with messages_server(script) as server:
        async with ClaudeSession(at(settings, server.url)) as session:
            first = await session.ask("Do it. @/etc/passwd /compact", events.append)
            second = await session.ask("Correct it.", nothing)
            spent = session.spent
    assert first.output == {"summary": "first"}
    assert [(u.model, u.input_tokens, u.output_tokens) for u in first.usage] == [
        ("claude-sonnet-5-5", 111, 15)
    ]
    assert first.usage[0].cost_usd > 0
    assert (second.usage[0].input_tokens, second.usage[0].output_tokens) == (7, 3)
    assert second.session_id == first.session_id
    assert spent[0].input_tokens == 111 + 7
    assert spent[0].cost_usd == first.usage[0].cost_usd + second.usage[0].cost_usd > Decimal(0)
    _says_what_happened(events)
    assert "root:" not in str(server.requests[0].body["messages"])
    assert (settings.working_directory / "made.txt").read_text() == "4\n"
    assert [file.name for file in settings.working_directory.iterdir()] == ["made.txt"]
    assert not settings.config_directory.exists()


def _says_what_happened(events: list[SessionEvent]) -> None:
    said, called, returned, *rest = [e for e in events if not isinstance(e, TurnEnded)]
    assert said == TextSaid("Let me look.")
    assert isinstance(called, ToolCalled)
    assert (called.name, called.summary) == ("Bash", "echo 4 > made.txt; cat made.txt")
    assert isinstance(returned, ToolReturned)
    assert (returned.id, returned.name, returned.excerpt) == (called.id, "Bash", "4")
    assert not returned.is_error
    assert 0 < returned.seconds < 10
    assert [type(event) for event in rest] == [ToolCalled, ToolReturned]


async def test_tools_stay_in_the_task_and_know_little(
    settings: SessionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://quintet:hunter22@db/quintet")
    task, here = settings.readable[0], settings.working_directory
    (here / "leak").symlink_to(task.parent / "other")
    asked: list[dict[str, Any]] = []

    @tool("share_data", "Share a value", {"key": str, "value": str})
    async def share_data(arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append(arguments)
        return {"content": [{"type": "text", "text": "version 1"}]}

    calls = (
        Call("Read", {"file_path": str(task / "context/in.csv")}),
        Call("Write", {"file_path": str(here / "out.txt"), "content": "kept"}),
        Call("Read", {"file_path": str(task.parent / "other/secret.txt")}),
        Call("Read", {"file_path": str(here / "leak/secret.txt")}),
        Call("Write", {"file_path": str(task / "context/new.txt"), "content": "no"}),
        Call("Grep", {"pattern": "another", "path": str(task.parent)}),
        Call("mcp__quintet__share_data", {"key": "k", "value": "v"}),
        Call("Bash", {"command": "echo '{}' > .bashrc"}),
        Call("Bash", {"command": "env; which python3; tr '\\0' '\\n' < /proc/$PPID/environ"}),
    )
    events: list[SessionEvent] = []
    script = [Answer(calls), structured({"summary": "done"})]
    with messages_server(script) as server:
        async with ClaudeSession(at(settings, server.url, mcp_tools=(share_data,))) as session:
            await session.ask("Try.", events.append)
    returned = [event for event in events if isinstance(event, ToolReturned)]
    failed = {event.id for event in returned if event.is_error}
    calls_made = [event.id for event in events if isinstance(event, ToolCalled)][: len(calls)]
    assert failed == {*calls_made[2:6], calls_made[7]}
    denied = [event for event in events if isinstance(event, ToolDenied)]
    assert sorted(event.id for event in denied) == sorted(failed)
    by_guard = {event.id for event in denied if "is outside of what" in event.reason}
    assert by_guard == set(calls_made[2:6])
    assert asked == [{"key": "k", "value": "v"}]
    assert (here / "out.txt").read_text() == "kept"
    assert "of another task" not in str(server.requests[1].tool_results)
    shell = next(event.excerpt for event in returned if "MPL" in event.excerpt)
    assert "hunter22" not in str(server.requests[1].tool_results)
    assert "MPLBACKEND=Agg" in shell


@pytest.mark.parametrize("sandbox", [True, False] if sandbox_available() else [False])
async def test_shell_in_and_out_of_the_sandbox(settings: SessionSettings, sandbox: bool) -> None:
    task, here = settings.readable[0], settings.working_directory
    foreign = task.parent / "other/secret.txt"
    commands = (
        f"cat {task}/context/in.csv && echo made > {here}/made.txt && touch $TMPDIR/t && echo fine",
        f"cat {foreign}",
        f"echo no > {task}/context/new.txt",
        "python3 -c 'import numpy, sys; print(sys.prefix)'",
    )
    events: list[SessionEvent] = []
    calls = tuple(Call("Bash", {"command": command}) for command in commands)
    with messages_server([Answer(calls), structured({"summary": "x"})]) as server:
        async with ClaudeSession(at(settings, server.url, sandbox=sandbox)) as session:
            await session.ask("Try.", events.append)
    by_id = {event.id: event for event in events if isinstance(event, ToolReturned)}
    inside, read, write, python = [
        by_id[event.id]
        for event in events
        if isinstance(event, ToolCalled) and event.name == "Bash"
    ]
    assert "fine" in inside.excerpt
    assert (here / "made.txt").read_text() == "made\n"
    assert "venv" in python.excerpt or not python.is_error
    assert read.is_error is sandbox
    assert write.is_error is sandbox


CASES: tuple[tuple[Reply, type[ModelError]], ...] = (
    (Failure(401, "authentication_error", f"invalid x-api-key {KEY}"), ModelMisconfigured),
    (Failure(403, "permission_error"), ModelMisconfigured),
    (Failure(404, "not_found_error"), ModelMisconfigured),
    (Failure(429, "rate_limit_error"), ModelRateLimited),
    (Failure(529, "overloaded_error"), ModelRateLimited),
    (Failure(500, "api_error"), ModelUnreachable),
    (Failure(400, "invalid_request_error"), ModelRefused),
    (Answer((Text("I will not."),), stop_reason="refusal"), ModelRefused),
    (Answer((Text("never in form"),)), MalformedOutput),
    (Answer((Structured({"summary": 7}),)), MalformedOutput),
)


async def test_errors_are_told_apart_and_keep_the_key_to_themselves(
    settings: SessionSettings,
) -> None:
    replies: list[Reply] = []
    with ExitStack() as stack:
        server = stack.enter_context(messages_server(lambda _: replies[-1]))
        async with ClaudeSession(at(settings, server.url)) as session:
            for reply, expected in CASES:
                replies.append(reply)
                with pytest.raises(ModelError) as caught:
                    await session.ask("Go.", nothing)
                assert type(caught.value) is expected, (reply, caught.value)
                assert KEY not in str(caught.value)
            replies.append(structured({"summary": "well"}))
            assert (await session.ask("Go.", nothing)).output == {"summary": "well"}
            stack.close()
            with pytest.raises(ModelUnreachable):
                await session.ask("Is anybody there?", nothing)


async def test_turns_and_tokens_run_out(settings: SessionSettings) -> None:
    replies: list[Reply] = [call("Bash", command="echo again")]
    with messages_server(lambda _: replies[-1]) as server:
        async with ClaudeSession(at(settings, server.url, max_turns=3)) as session:
            with pytest.raises(TurnsExhausted):
                await session.ask("Go on and on.", nothing)
            assert len(server.requests) == 3
            replies.append(Answer((Text("cut"),), stop_reason="max_tokens"))
            with pytest.raises(ModelCutOff):
                await session.ask("Be long.", nothing)


async def test_retries_are_told(settings: SessionSettings) -> None:
    events: list[SessionEvent] = []
    script: list[Reply] = [Failure(529, "overloaded_error"), structured({"summary": "x"})]
    with messages_server(script) as server:
        async with ClaudeSession(at(settings, server.url, api_retries=1)) as session:
            await session.ask("Go.", events.append)
    retry = next(event for event in events if isinstance(event, ApiRetried))
    assert (retry.attempt, retry.most, retry.status) == (1, 1, 529)
    assert retry.delay > 0


async def test_a_subagent_works_within_the_same_walls(settings: SessionSettings) -> None:
    foreign = str(settings.readable[0].parent / "other/secret.txt")

    def play(request: Request) -> Reply:
        if "helper-prompt" in str(request.body["system"]):
            done = bool(request.tool_results)
            return say("could not read it") if done else call("Read", file_path=foreign)
        if request.tool_results:
            return structured({"summary": "done"})
        return call("Task", subagent_type="helper", description="look", prompt="read it")

    events: list[SessionEvent] = []
    helper = {"helper": Subagent(description="Helps", prompt="helper-prompt")}
    with messages_server(play) as server:
        changed = at(settings, server.url, subagents=helper, tools=(*settings.tools, "Task"))
        async with ClaudeSession(changed) as session:
            reply = await session.ask("Go.", events.append)
    assert reply.output == {"summary": "done"}
    inner = [e for e in events if isinstance(e, ToolCalled) and e.parent is not None]
    assert [event.name for event in inner] == ["Read"]
    assert [e.id for e in events if isinstance(e, ToolDenied)] == [inner[0].id]
    assert reply.usage[0].input_tokens == 11 * len(server.requests)


async def test_an_interrupt_is_survived_and_a_killed_cli_is_not(settings: SessionSettings) -> None:
    with messages_server([Stall(), structured({"summary": "later"}), Stall()]) as server:
        async with ClaudeSession(at(settings, server.url)) as session:
            asking = asyncio.create_task(session.ask("Go.", nothing))
            await _until(lambda: len(server.requests) == 1)
            await session.interrupt()
            with pytest.raises(SessionLost):
                await asking
            assert (await session.ask("Go on.", nothing)).output == {"summary": "later"}
            asking = asyncio.create_task(session.ask("Once more.", nothing))
            await _until(lambda: len(server.requests) == 3)
            _launcher().children()[0].kill()
            with pytest.raises(SessionLost, match="137"):
                await asking


def _launcher() -> psutil.Process:
    ours = psutil.Process().children()
    return next(process for process in ours if "launcher.py" in " ".join(process.cmdline()))


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - another process or thread makes it true
            await asyncio.sleep(0.01)
