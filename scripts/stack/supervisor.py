"""Starts the units in order, keeps them running, stops them in reverse."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

from scripts.stack.leftovers import end_leftovers
from scripts.stack.ports import require_free_ports
from scripts.stack.process import StartError
from scripts.stack.service import Unit
from scripts.stack.settings import StackSettings
from scripts.stack.state import Health, Notices, Phase, StackState, UnitState

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # having run this long, the next restart starts with a short pause again
LOG_BYTES = 10 * 1024 * 1024
LOG_CHECK_SECONDS = 10.0


class Keeper:
    """Keeps one unit running: starts it again when it ends, more slowly each time."""

    def __init__(self, unit: Unit, changed: Callable[[], None]) -> None:
        self.unit = unit
        self.state = UnitState(name=unit.name, log=str(unit.log_file))
        self._changed = changed

    async def start(self) -> None:
        """The first start; a failure is the caller's to handle."""
        self._show(Health.STARTING)
        try:
            await self.unit.start()
        except StartError:
            self._show(Health.FAILED)
            raise
        self._show(Health.READY if self.unit.lasting else Health.DONE)

    async def keep(self) -> None:
        """Restart the unit whenever it ends, until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        clock = asyncio.get_running_loop().time
        while self.unit.child is not None:
            since = clock()
            code = await self.unit.child.wait()
            if clock() - since >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await self.unit.stop()  # what it left behind in its group
            pause = await self._restart(f"ended with exit code {code}", pause)

    async def stop(self) -> None:
        """Stop the unit; returns when nothing of it is left."""
        await self.unit.stop()
        if self.state.health not in {Health.WAITING, Health.DONE, Health.FAILED}:
            self._show(Health.STOPPED)

    async def _restart(self, reason: str, pause: float) -> float:
        while True:
            self.state.restarts += 1
            self._show(Health.RESTARTING, f"{reason}; again in {pause:.0f} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            try:
                await self.unit.start()
            except StartError as error:
                reason = str(error).splitlines()[0]
                print(error, flush=True)
            else:
                self._show(Health.READY)
                return pause

    def _show(self, health: Health, detail: str = "") -> None:
        self.state.health = health
        self.state.detail = detail
        self.state.pid = self.unit.child.pid if self.unit.child else None
        self.state.address = self.unit.address
        self._changed()


class Supervisor:
    """The one process that owns all the others."""

    def __init__(self, settings: StackSettings, stages: list[list[Unit]]) -> None:
        self._settings = settings
        self._notices = Notices(settings.run)
        self._state = StackState(supervisor=os.getpid())
        self._stages = [[Keeper(unit, self._changed) for unit in stage] for stage in stages]
        self._state.units = [keeper.state for stage in self._stages for keeper in stage]

    async def run(self) -> int:
        """Live until a signal; 1 when something did not start."""
        with self._notices.alive():
            self._changed()
            try:
                async with asyncio.TaskGroup() as group:
                    _cancel_on_signals(group.create_task(self._live()))
            except* StartError as errors:
                self._state.error = "\n".join(_messages(errors))
            finally:
                await self._take_down()
        return 1 if self._state.error else 0

    async def _live(self) -> None:
        await asyncio.to_thread(end_leftovers, self._settings)
        await asyncio.to_thread(require_free_ports, self._settings)
        async with asyncio.TaskGroup() as watched:
            watched.create_task(self._bound_logs())
            for stage in self._stages:
                async with asyncio.TaskGroup() as starting:
                    for keeper in stage:
                        starting.create_task(keeper.start())
                for keeper in stage:
                    watched.create_task(keeper.keep())
            self._enter(Phase.READY)

    async def _take_down(self) -> None:
        self._enter(Phase.STOPPING)
        for stage in reversed(self._stages):
            await asyncio.gather(*(keeper.stop() for keeper in stage))
        ended = await asyncio.to_thread(end_leftovers, self._settings)
        for name in ended:
            print(f"ended what was left behind: {name}", flush=True)
        self._enter(Phase.FAILED if self._state.error else Phase.STOPPED)

    async def _bound_logs(self) -> None:
        while True:
            for log in await asyncio.to_thread(lambda: list(self._settings.logs.glob("*.log"))):
                await asyncio.to_thread(bound_log, log)
            await asyncio.sleep(LOG_CHECK_SECONDS)

    def _enter(self, phase: Phase) -> None:
        self._state.phase = phase
        self._changed()

    def _changed(self) -> None:
        self._notices.write(self._state)


def bound_log(log: Path) -> None:
    """Keep one earlier piece of a log that grew too large; its writers append, so they go on."""
    if log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def _cancel_on_signals(task: asyncio.Task[None]) -> None:
    """End the task at the first signal; later ones change nothing, the way down is under way."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            if not task.cancelling():
                task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)


def _messages(errors: BaseExceptionGroup[BaseException]) -> list[str]:
    found: list[str] = []
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found += _messages(error)
        else:
            found.append(str(error))
    return found
