"""The loop breaker in real sessions: warned once, then stopped; only the model is scripted."""

from pathlib import Path

import psutil
import pytest

from agent.claude import ClaudeSession
from agent.claude_events import SessionEvent, ToolDenied, ToolReturned, TurnEnded
from agent.claude_settings import SessionSettings, Subagent
from agent.loop_breaker import LoopBreaker, directory_fingerprint
from agent.loop_limits import LoopLimits
from agent.process_tree import MARKER
from shared.errors import LoopDetected
from tests.messages_server import (
    Answer,
    Call,
    Reply,
    Request,
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
WARNING = "going in circles"


class World:
    """A session with a loop breaker, and all that it told."""

    def __init__(self, folder: Path, limits: LoopLimits) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.marker = f"test/{folder.name}"
        self.events: list[SessionEvent] = []
        self.breaker = LoopBreaker(limits, lambda: directory_fingerprint(self.folder))
        self._config = folder / "claude"

    def session(self, url: str) -> ClaudeSession:
        """One that talks to the model at this address."""
        return ClaudeSession(
            SessionSettings(
                marker=self.marker,
                system_prompt="You work for a test.",
                model="claude-sonnet-5-5",
                working_directory=self.folder,
                config_directory=self._config,
                output_schema=SCHEMA,
                environment={"ANTHROPIC_API_KEY": "sk-ant-test", "ANTHROPIC_BASE_URL": url},
                tools=("Bash", "Read", "Write", "Task"),
                subagents={"helper": Subagent(description="Helps", prompt="helper-prompt")},
                api_retries=0,
                objection=self.breaker.objection,
            )
        )

    def observe(self, event: SessionEvent) -> None:
        """What the executor does with an event."""
        self.events.append(event)
        self.breaker.observe(event)

    def of(self, kind: type[SessionEvent]) -> list[SessionEvent]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def processes(self) -> list[psutil.Process]:
        """What is left of the attempt."""
        return [process for process in psutil.process_iter() if _mark(process) == self.marker]


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARKER)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, LoopLimits(identical=3))


def warned(request: Request) -> bool:
    """The agent has been told."""
    return any(WARNING in result for result in request.tool_results)


async def test_a_call_that_comes_again_and_again_ends_the_attempt(world: World) -> None:
    again = "(setsid sleep 300 &); echo $((2 + 2))"
    with messages_server(lambda _: call("Bash", command=again)) as server:
        session = world.session(server.url)
        with pytest.raises(LoopDetected, match="After a warning: the same Bash call 2 times"):
            async with session:
                try:
                    await session.ask("Go.", world.observe)
                finally:
                    running = [process.name() for process in world.processes()]
        results = server.requests[-1].tool_results
    assert [WARNING in result for result in results[:5]] == [False, False, False, True, False]
    assert len(world.of(ToolDenied)) == 1
    assert 5 <= len(world.of(ToolReturned)) <= 6
    assert session.spent[0].output_tokens >= 5 * 5
    assert running.count("sleep") >= 4  # the last one may still be on its way to its program
    assert world.processes() == []


async def test_who_heeds_the_warning_goes_on(world: World) -> None:
    def play(request: Request) -> Reply:
        if not warned(request):
            return call("Bash", command="cat missing.csv")
        if not (world.folder / "note.md").exists():
            path = str(world.folder / "note.md")
            return call("Write", file_path=path, content="missing.csv has not come")
        done = sum("missing.csv" in result for result in request.tool_results)
        return call("Bash", command="cat missing.csv") if done < 6 else structured({"summary": "x"})

    with messages_server(play) as server:
        async with world.session(server.url) as session:
            reply = await session.ask("Go.", world.observe)
    assert reply.output == {"summary": "x"}
    assert len(world.of(ToolDenied)) == 1


async def test_a_result_may_be_given_instead(world: World) -> None:
    def play(request: Request) -> Reply:
        if len(request.tool_results) < 3:
            return call("Bash", command="cat missing.csv")
        return structured({"summary": "it is not there"})

    with messages_server(play) as server:
        async with world.session(server.url) as session:
            reply = await session.ask("Go.", world.observe)
    assert reply.output == {"summary": "it is not there"}
    assert world.of(ToolDenied) == []


async def test_a_subagent_that_loops_is_stopped_with_its_master(world: World) -> None:
    def play(request: Request) -> Reply:
        if "helper-prompt" in str(request.body["system"]):
            return call("Bash", command="cat missing.csv")
        return call("Task", subagent_type="helper", description="look", prompt="look")

    with messages_server(play) as server:
        session = world.session(server.url)
        with pytest.raises(LoopDetected, match="the same Bash call 2 times"):
            async with session:
                await session.ask("Go.", world.observe)
    assert len(world.of(ToolDenied)) == 1
    assert world.processes() == []


async def test_turns_tell_their_tokens_once(world: World) -> None:
    helped = Answer((Text("w" * 396), Call("Bash", {"command": "echo"})), output_tokens=900)

    def play(request: Request) -> Reply:
        if "helper-prompt" in str(request.body["system"]):
            return say("ok") if request.tool_results else helped
        match len(request.tool_results):
            case 0:
                calls = (Call("Bash", {"command": "echo 1"}), Call("Bash", {"command": "echo 2"}))
                return Answer((Text("Two."), *calls), output_tokens=777)
            case 2:
                return call("Task", subagent_type="helper", description="look", prompt="look")
            case _:
                return structured({"summary": "x"}, output_tokens=33)

    with messages_server(play) as server:
        async with world.session(server.url) as session:
            await session.ask("Go.", world.observe)
    turns = [event for event in world.events if isinstance(event, TurnEnded)]
    own = [turn.output_tokens for turn in turns if turn.parent is None]
    inner = [turn.output_tokens for turn in turns if turn.parent is not None]
    assert own == [777, 5, 33]
    assert len(inner) == 2
    assert 99 <= inner[0] <= 110
