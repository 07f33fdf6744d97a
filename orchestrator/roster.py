"""Who is there: agents as they last told of themselves, remembered when they fall silent."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Literal

import structlog

from shared.background import leave_if_cancelled
from shared.models import AgentSample, AgentView, Capability, Presence
from shared.queue import Attendees, Doorbell

_log = structlog.get_logger(__name__)
_SILENT = 30.0  # three missed beats
_FORGOTTEN = 3_600.0
_SAMPLE_SECONDS = 5.0  # an agent tells more often when its work changes
_MOST_SAMPLES = 120  # ten minutes at least

State = Literal["idle", "working", "full", "draining", "silent"]
_AVAILABLE: frozenset[State] = frozenset({"idle", "working", "full"})


class Roster:
    """The live team as the dashboards show it. Never used to decide a rescue."""

    def __init__(self, doorbell: Doorbell, *, interval: float = 1.0) -> None:
        self._doorbell = doorbell
        self._interval = interval
        self._known: dict[str, tuple[Presence, float]] = {}
        self._samples: dict[str, deque[AgentSample]] = {}
        self._began = asyncio.get_running_loop().time()
        self._heard_since = float("-inf")  # when Redis came back

    @property
    def hears(self) -> bool:
        """Whether Redis answers: if not, what an agent tells is heard by nobody."""
        return self._doorbell.connected

    async def run(self) -> None:
        """Look again every so often, until cancelled."""
        while True:
            await self.refresh()
            leave_if_cancelled()
            await asyncio.sleep(self._interval)

    async def refresh(self) -> None:
        """Look once; a Redis that is away changes nothing but ages."""
        heard_before = self.hears
        attendees = await self._present()
        now = asyncio.get_running_loop().time()
        if attendees is None:
            return
        if not heard_before:
            self._heard_since = now
        for name, (presence, age) in attendees.told.items():
            self._known[name] = (presence, now - age)
            self._sample(presence, now - age - self._began)
        self._known = {
            name: (presence, beat)
            for name, (presence, beat) in self._known.items()
            if now - beat < _FORGOTTEN and name in attendees.members
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

    async def _present(self) -> Attendees | None:
        try:
            return await self._doorbell.present()
        except ValueError as error:  # an agent of another version, or somebody else's words
            _log.warning("what agents tell cannot be read", error=type(error).__name__)
            return None

    def agents(self, *, samples: int = 0) -> list[AgentView]:
        """Everybody, by name, with so many of their last samples."""
        now = asyncio.get_running_loop().time()
        return [
            _view(
                presence,
                self._state(presence, beat),
                now - beat,
                self.samples(name)[-samples:] if samples else (),
            )
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
        return {
            name: purpose
            for presence, beat in self._known.values()
            if self._state(presence, beat) in _AVAILABLE
            for name, purpose in presence.roles.items()
        }

    def _state(self, presence: Presence, beat: float) -> State:
        """While Redis was away nobody could be heard: that is no silence of the agent's."""
        if asyncio.get_running_loop().time() - max(beat, self._heard_since) > _SILENT:
            return "silent"
        if presence.draining:
            return "draining"
        if len(presence.running) >= presence.slots:
            return "full"
        return "working" if presence.running else "idle"


def _view(
    presence: Presence, state: State, age: float, samples: Sequence[AgentSample]
) -> AgentView:
    return AgentView(
        agent_id=presence.agent_id,
        profile=presence.profile,
        url=presence.url,
        capabilities=presence.capabilities,
        slots=presence.slots,
        max_running=presence.max_running,
        max_running_in_role=presence.max_running_in_role,
        running=presence.running,
        available=state in _AVAILABLE,
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
