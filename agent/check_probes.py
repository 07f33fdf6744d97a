"""Tries the checks of a plan that is being made; the orchestrator names them by their id."""

import asyncio
from uuid import UUID

from agent.scrutiny import Scrutiny
from agent.toolbox import Toolboxes
from shared.database.tasks import TaskLedger
from shared.errors import NotFound
from shared.models import PlannedCheck

_AT_ONCE = 2
_SECONDS = 45.0  # the orchestrator waits a little longer


class CheckProbes:
    """Only what the orchestrator wrote into the ledger is ever run here."""

    def __init__(
        self,
        scrutiny: Scrutiny,
        toolboxes: Toolboxes,
        ledger: TaskLedger,
        *,
        seconds: float = _SECONDS,
    ) -> None:
        self._scrutiny = scrutiny
        self._toolboxes = toolboxes
        self._ledger = ledger
        self._seconds = seconds
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def probe(self, probe_id: UUID) -> tuple[PlannedCheck, ...]:
        """The checks, each marked vacuous or not where there was time; raises NotFound."""
        until = asyncio.get_running_loop().time() + self._seconds
        known = await self._ledger.read_probe(probe_id)
        if known is None:
            raise NotFound(f"there is no probe {probe_id}", remedy="its plan was made meanwhile")
        task_id, checks = known
        try:
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
        except TimeoutError:  # others' checks took all of it
            return checks
        try:
            return await self._tried(probe_id, task_id, checks, until)
        finally:
            self._slots.release()

    async def _tried(
        self, probe_id: UUID, task_id: UUID, checks: tuple[PlannedCheck, ...], until: float
    ) -> tuple[PlannedCheck, ...]:
        folder = self._scrutiny.runtime.scratch
        async with (
            self._toolboxes.for_checks(task_id) as toolbox,
            self._scrutiny.of(f"probe-{probe_id}", folder, (), toolbox) as inspection,
        ):
            return await inspection.probed(checks, until - asyncio.get_running_loop().time())
