"""Who is there: agents as they last told of themselves, remembered when they fall silent."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Literal

import structlog

from shared.models import AgentSample, AgentView, Capability, Presence
from shared.queue import Doorbell

_log = structlog.get_logger(__name__)
_SILENT = 30.0  # three missed beats
_FORGOTTEN = 3_600.0
_SAMPLE_SECONDS = 5.0  # an agent tells more often when its work changes
_MOST_SAMPLES = 120  # ten minutes at least

State = Literal["idle", "working", "full", "draining", "silent"]


class Roster:
    """The live team as the dashboards show it. Never used to decide a rescue."""

    def __init__(self, doorbell: Doorbell, *, interval: float = 1.0) -> None:
        self._doorbell = doorbell
        self._interval = interval
        self._known: dict[str, tuple[Presence, float]] = {}
        self._samples: dict[str, deque[AgentSample]] = {}
        self._began = asyncio.get_running_loop().time()

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
            self._sample(presence, now - age - self._began)
        self._known = {
            name: (presence, beat)
            for name, (presence, beat) in self._known.items()
            if now - beat < _FORGOTTEN
            and not (presence.draining and present is not None and name not in present)
        }
        self._samples = {name: self._samples[name] for name in self._known}

    def _sample(self, presence: Presence, at: float) -> None:
        kept = self._samples.setdefault(presence.agent_id, deque(maxlen=_MOST_SAMPLES))
        if not kept or at - kept[-1].at >= _SAMPLE_SECONDS:
            kept.append(
                AgentSample(
                    at=round(at, 1),
                    cpu_percent=presence.cpu_percent,
                    memory_mb=presence.memory_mb,
                    running=len(presence.running),
                )
            )

    async def _present(self) -> dict[str, tuple[Presence, float]] | None:
        try:
            return await self._doorbell.present()
        except ValueError as error:  # an agent of another version, or somebody else's words
            _log.warning("what agents tell cannot be read", error=type(error).__name__)
            return None

    def agents(self, *, samples: int = 0) -> list[AgentView]:
        """Everybody, by name, with so many of their last samples."""
        now = asyncio.get_running_loop().time()
        return [
            _view(presence, now - beat, self.samples(name)[-samples:] if samples else ())
            for name, (presence, beat) in sorted(self._known.items())
        ]

    def samples(self, agent_id: str) -> tuple[AgentSample, ...]:
        """What an agent told of itself in the last ten minutes, oldest first."""
        return tuple(self._samples.get(agent_id, ()))

    def teams(self) -> list[tuple[Capability, ...]]:
        """What each live agent can do at once."""
        return [agent.capabilities for agent in self.agents() if agent.available]

    def roles(self) -> dict[str, str]:
        """What live agents can take on for one subtask, by name, and what each is for."""
        live = (presence for presence, _ in self._known.values())
        return {name: purpose for presence in live for name, purpose in presence.roles.items()}


def _view(presence: Presence, age: float, samples: Sequence[AgentSample]) -> AgentView:
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
        samples=tuple(samples),
    )


def _state(presence: Presence, age: float) -> State:
    if age > _SILENT:
        return "silent"
    if presence.draining:
        return "draining"
    if len(presence.running) >= presence.slots:
        return "full"
    return "working" if presence.running else "idle"
