"""What an agent says of itself: every few seconds, and whenever what it does has changed."""

import asyncio

import psutil

from agent.profiles import roles
from agent.worker import Worker
from shared.background import leave_if_cancelled
from shared.models import Presence
from shared.queue import Doorbell

_LOOK = 0.5


class PresenceBeat:
    """Tells the dashboards, through Redis, that this agent is there and how it is."""

    def __init__(
        self, worker: Worker, doorbell: Doorbell, fixed: Presence, *, interval: float
    ) -> None:
        """`fixed` is what never changes of this agent while it runs."""
        self._worker = worker
        self._doorbell = doorbell
        self._fixed = fixed
        self._interval = interval
        self._process = psutil.Process()
        self._family: dict[int, psutil.Process] = {}
        self._cpu = 0.0
        self._memory = 0.0

    def present(self) -> Presence:
        """This agent now."""
        return self._fixed.model_copy(
            update={
                "running": tuple(str(held.subtask_id) for held in self._worker.running),
                "draining": self._worker.draining,
                "roles": roles(),
                "completed": self._worker.completed,
                "failed": self._worker.failed,
                "cpu_percent": self._cpu,
                "memory_mb": self._memory,
            }
        )

    async def run(self) -> None:
        """Beat until cancelled; then say goodbye."""
        clock = asyncio.get_running_loop().time
        told, told_at = None, 0.0
        try:
            while True:
                leave_if_cancelled()
                state = (tuple(self._worker.running), self._worker.draining)
                if state != told or clock() - told_at >= self._interval:
                    self._measure()
                    await self._doorbell.appear(self.present())
                    told, told_at = state, clock()
                await asyncio.sleep(_LOOK)
        finally:
            await self._doorbell.disappear(self._fixed.agent_id)

    def _measure(self) -> None:
        """CPU and memory of this process and all it started."""
        cpu, memory = 0.0, 0
        now = {child.pid: child for child in self._process.children(recursive=True)}
        self._family = {pid: self._family.get(pid, child) for pid, child in now.items()}
        for process in (self._process, *self._family.values()):
            try:
                cpu += process.cpu_percent(interval=None)
                memory += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it ended while we looked
        self._cpu, self._memory = round(cpu, 1), round(memory / 2**20, 1)
