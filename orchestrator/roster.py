"""Who is there: agents as they last told of themselves, remembered when they fall silent."""

import asyncio
from typing import Literal

import structlog

from shared.models import AgentView, Capability, Presence
from shared.queue import Doorbell

_log = structlog.get_logger(__name__)
_SILENT = 30.0  # three missed beats
_FORGOTTEN = 3_600.0

State = Literal["idle", "working", "full", "draining", "silent"]


class Roster:
    """The live team as the dashboards show it. Never used to decide a rescue."""

    def __init__(self, doorbell: Doorbell, *, interval: float = 1.0) -> None:
        self._doorbell = doorbell
        self._interval = interval
        self._known: dict[str, tuple[Presence, float]] = {}

    async def run(self) -> None:
        """Look again every so often, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._interval)

    async def refresh(self) -> None:
        """Look once; a Redis that is away changes nothing but ages."""
        present = await self._present()
        now = asyncio.get_running_loop().time()
        for name, (presence, age) in (present or {}).items():
            self._known[name] = (presence, now - age)
        self._known = {
            name: (presence, beat)
            for name, (presence, beat) in self._known.items()
            if now - beat < _FORGOTTEN
            and not (presence.draining and present is not None and name not in present)
        }

    async def _present(self) -> dict[str, tuple[Presence, float]] | None:
        try:
            return await self._doorbell.present()
        except ValueError as error:  # an agent of another version, or somebody else's words
            _log.warning("what agents tell cannot be read", error=type(error).__name__)
            return None

    def agents(self) -> list[AgentView]:
        """Everybody, by name."""
        now = asyncio.get_running_loop().time()
        return [_view(presence, now - beat) for _, (presence, beat) in sorted(self._known.items())]

    def teams(self) -> list[tuple[Capability, ...]]:
        """What each live agent can do at once."""
        return [agent.capabilities for agent in self.agents() if agent.available]

    def roles(self) -> dict[str, str]:
        """What live agents can take on for one subtask, by name, and what each is for."""
        live = (presence for presence, _ in self._known.values())
        return {name: purpose for presence in live for name, purpose in presence.roles.items()}


def _view(presence: Presence, age: float) -> AgentView:
    state = _state(presence, age)
    return AgentView(
        agent_id=presence.agent_id,
        profile=presence.profile,
        url=presence.url,
        capabilities=presence.capabilities,
        slots=presence.slots,
        running=presence.running,
        available=state in ("idle", "working", "full"),
        state=state,
        completed=presence.completed,
        failed=presence.failed,
        cpu_percent=presence.cpu_percent,
        memory_mb=presence.memory_mb,
        simulated=presence.simulated,
        seconds_since_beat=round(max(0.0, age), 1),
        started_at=presence.started_at,
    )


def _state(presence: Presence, age: float) -> State:
    if age > _SILENT:
        return "silent"
    if presence.draining:
        return "draining"
    if len(presence.running) >= presence.slots:
        return "full"
    return "working" if presence.running else "idle"
