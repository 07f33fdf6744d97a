"""The supervisor starts in order, restarts what ends, stops in reverse, and is alone."""

import asyncio
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from scripts.stack import supervisor as supervision
from scripts.stack.display import Progress, status_table, welcome
from scripts.stack.process import ChildProcess, Command, StartError
from scripts.stack.service import Unit
from scripts.stack.settings import StackSettings
from scripts.stack.state import Health, Notices, Phase, StackState, UnitState
from scripts.stack.supervisor import Supervisor, bound_log

Record = list[str]


class Sleeper(Unit):
    """A real process that sleeps; writes down what happens to it."""

    def __init__(self, name: str, record: Record, folder: Path, *, fails: bool = False) -> None:
        self.name = name
        self.log_file = folder / f"{name}.log"
        self._record = record
        self._fails = fails

    async def start(self) -> None:
        self._record.append(f"start {self.name}")
        if self._fails:
            raise StartError(f"{self.name} has no heart")
        self.child = ChildProcess(Command(("sleep", "60"), self.log_file))
        await self.child.start()

    async def stop(self) -> None:
        if self.child is not None:
            self._record.append(f"stop {self.name}")
        await super().stop()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackSettings:
    monkeypatch.setattr(supervision, "require_free_ports", lambda _: None)
    made = StackSettings(tmp_path, tmp_path / "home", {}, 8000, 8001, 8501)
    made.prepare_home()
    return made


async def _until(settings: StackSettings, holds: Callable[[StackState], bool]) -> StackState:
    notices = Notices(settings.run)
    async with asyncio.timeout(5):
        while True:
            state = notices.read()
            if state is not None and holds(state):
                return state
            await asyncio.sleep(0.005)


async def test_starts_in_order_and_stops_in_reverse(settings: StackSettings) -> None:
    record: Record = []
    stages: list[list[Unit]] = [[Sleeper(name, record, settings.logs)] for name in ("a", "b", "c")]
    running = asyncio.create_task(Supervisor(settings, stages).run())
    state = await _until(settings, lambda one: one.phase is Phase.READY)
    assert Notices(settings.run).supervisor() == os.getpid()
    assert all(unit.pid for unit in state.units)
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    assert record == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]
    assert Notices(settings.run).supervisor() is None
    assert (await _until(settings, lambda one: one.phase is Phase.STOPPED)).units[0].pid is None


async def test_a_unit_that_ends_is_started_again(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.01)
    record: Record = []
    running = asyncio.create_task(
        Supervisor(settings, [[Sleeper("a", record, settings.logs)]]).run()
    )
    before = await _until(settings, lambda one: one.phase is Phase.READY)
    os.kill(before.units[0].pid or 0, signal.SIGKILL)
    after = await _until(
        settings, lambda one: one.units[0].restarts == 1 and one.units[0].health is Health.READY
    )
    assert after.units[0].pid != before.units[0].pid
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_a_failed_start_stops_what_ran_and_says_why(settings: StackSettings) -> None:
    record: Record = []
    first, second = Sleeper("a", record, settings.logs), Sleeper("b", record, settings.logs)
    failing = Sleeper("bad", record, settings.logs, fails=True)
    never = Sleeper("never", record, settings.logs)
    assert await Supervisor(settings, [[first], [second, failing], [never]]).run() == 1
    state = await _until(settings, lambda one: one.phase is Phase.FAILED)
    assert state.error == "bad has no heart"
    assert record[-1] == "stop a"
    assert "start never" not in record
    health = {unit.name: unit.health for unit in state.units}
    assert health == {
        "a": Health.STOPPED,
        "b": Health.STOPPED,
        "bad": Health.FAILED,
        "never": Health.WAITING,
    }


async def test_a_second_supervisor_is_refused(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.stack.state.LOCK_PAUSE_SECONDS", 0)
    with (
        Notices(settings.run).alive(),
        pytest.raises(StartError, match="another supervisor runs"),
    ):
        await Supervisor(settings, []).run()


def test_a_large_log_keeps_one_earlier_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "LOG_BYTES", 10)
    log = tmp_path / "agent-1.log"
    with log.open("a") as writer:
        writer.write("a long first line\n")
        writer.flush()
        bound_log(log)
        writer.write("next\n")
    assert log.read_text() == "next\n"
    assert (tmp_path / "agent-1.log.1").read_text() == "a long first line\n"


def test_without_a_terminal_only_changes_are_said() -> None:
    output = io.StringIO()
    state = StackState(
        supervisor=1,
        units=[
            UnitState(name="valkey", health=Health.READY, address="127.0.0.1:1", log=""),
            UnitState(name="agent-1", health=Health.WAITING, log=""),
        ],
    )
    with Progress(Console(file=output)) as progress:
        progress.show(state)
        progress.show(state)
    assert output.getvalue() == "valkey: ready  127.0.0.1:1\n"


def test_the_status_and_the_welcome_say_what_matters(settings: StackSettings) -> None:
    output = io.StringIO()
    console = Console(file=output, width=120)
    unit = UnitState(
        name="agent-1",
        health=Health.RESTARTING,
        restarts=2,
        detail="ended with exit code 9; again in 2 s",
        log="",
    )
    console.print(status_table(StackState(supervisor=1, units=[unit])))
    assert "again in 2 s" in output.getvalue()


def test_the_welcome_tells_every_address_unbroken_and_where_data_went(
    settings: StackSettings, tmp_path: Path
) -> None:
    def shown() -> str:
        output = io.StringIO()
        Console(file=output, width=20).print(welcome(settings), soft_wrap=True)
        return output.getvalue()

    for words in (
        "Dashboard  http://127.0.0.1:8501\n",
        "API        http://127.0.0.1:8000/docs\n",
        "Agents     http://127.0.0.1:8001 to 8005\n",
        "Simulated model: set ANTHROPIC_API_KEY",
    ):
        assert words in shown()
    assert "Database" not in shown()
    settings.home.mkdir(exist_ok=True)
    (settings.home / "postgres").symlink_to(tmp_path)
    assert f"Database   in {tmp_path}: PostgreSQL refuses root" in shown()
