"""The doorbell: lists to wait on, presence of agents, and a call to look at one's leases.

Everything here may be lost at any instant; only latency is. An element carries an id and no
authority. Lists stay short because a bell only wakes: the ledger decides what is claimed.
"""

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import redis.asyncio as redis
import structlog
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from shared.background import leave_if_cancelled
from shared.database.subtasks import Delivery
from shared.models import Band, Presence

RESULTS = "agent_results"
SUBMISSIONS = "task_submissions"
ACTIVE = "active_agents"
CANCELS = "cancellations"
EVENTS = "events"
PRESENCE_SECONDS = 60

_LONGEST = 256  # more bells than any fleet has ears for
_TEXT: dict[str, Any] = {"decode_responses": True, "encoding_errors": "replace"}  # noise is text
_AWAY = (RedisError, OSError, TimeoutError)
_log = structlog.get_logger(__name__)


def list_of(route: str, band: Band) -> str:
    """The list on which a subtask of this route and band is announced."""
    return f"agent_tasks:{route}:{band}"


def lists_for(capabilities: Sequence[str]) -> list[str]:
    """The lists an agent listens to: every subset of what it can do, urgent bands first."""
    routes = routes_for(capabilities)
    return [list_of(route, band) for band in Band for route in routes]


def routes_for(capabilities: Sequence[str]) -> list[str]:
    """Every set of requirements that these capabilities satisfy, as route names."""
    known = sorted(set(capabilities))
    sizes = range(1, len(known) + 1)
    return ["+".join(subset) for size in sizes for subset in itertools.combinations(known, size)]


@dataclass(frozen=True, slots=True)
class Attendees:
    """Agents that came and did not say goodbye, and what those told who were heard of lately.

    `told` has a presence and the seconds since; who crashed is a member and tells nothing.
    """

    members: frozenset[str]
    told: dict[str, tuple[Presence, float]]


class Doorbell:
    """Rings and presence; never raises when Redis is away, as the ledger makes good for it."""

    def __init__(self, url: str) -> None:
        self._client: redis.Redis = redis.Redis.from_url(
            url, **_TEXT, socket_connect_timeout=2, socket_timeout=3
        )
        self.connected = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def ring(self, deliveries: Iterable[Delivery]) -> None:
        """Announce claimable subtasks: one variadic push per list."""
        keys: dict[str, list[str]] = defaultdict(list)
        for delivery in deliveries:
            keys[list_of(delivery.route, delivery.band)].append(str(delivery.subtask_id))
        await self._push(keys)

    async def ring_results(self, tasks: Iterable[UUID]) -> None:
        """Tell the orchestrators that something of these tasks has ended."""
        await self._push({RESULTS: [str(task) for task in tasks]})

    async def ring_submission(self, task_id: UUID) -> None:
        """Tell the orchestrators that a task waits to be planned."""
        await self._push({SUBMISSIONS: [str(task_id)]})

    async def call_stopped(self, task_id: UUID) -> None:
        """Ask every agent to look at its leases now: a person stopped something."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.publish(CANCELS, str(task_id))
        pipeline.publish(EVENTS, "")
        await self._attempt(pipeline.execute())

    async def appear(self, presence: Presence) -> None:
        """Tell the dashboards that an agent is there, for the next minute."""
        fields: dict[Any, Any] = {
            name: json.dumps(value) for name, value in presence.model_dump(mode="json").items()
        }
        pipeline = self._client.pipeline(transaction=False)
        key = f"agent:{presence.agent_id}"
        pipeline.hset(key, mapping=fields)
        pipeline.expire(key, PRESENCE_SECONDS)
        pipeline.sadd(ACTIVE, presence.agent_id)
        await self._attempt(pipeline.execute())

    async def disappear(self, agent_id: str) -> None:
        """Take an agent that stops in good order off the list."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.delete(f"agent:{agent_id}")
        pipeline.srem(ACTIVE, agent_id)
        await self._attempt(pipeline.execute())

    async def present(self) -> Attendees | None:
        """Who is there; None when Redis is away."""
        names = await self._attempt(self._client.smembers(ACTIVE))
        if names is None:
            return None
        pipeline = self._client.pipeline(transaction=False)
        ordered = sorted(names)
        for name in ordered:
            pipeline.hgetall(f"agent:{name}")
            pipeline.pttl(f"agent:{name}")
        answers = await self._attempt(pipeline.execute()) if ordered else []
        if answers is None:
            return None
        found = {}
        for name, fields, left in zip(ordered, answers[::2], answers[1::2], strict=True):
            presence = _presence(fields) if fields else None
            if presence is not None:
                found[name] = (presence, PRESENCE_SECONDS - left / 1000)
        return Attendees(frozenset(names), found)

    async def depth(self, key: str) -> int | None:
        """Bells that nobody heard yet; None when Redis is away."""
        length = await self._attempt(self._client.llen(key))
        return None if length is None else int(length)

    async def ping(self) -> bool:
        """Whether Redis answers."""
        return bool(await self._attempt(self._client.ping()))

    async def _push(self, keys: dict[str, list[str]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for key, elements in keys.items():
            if elements:
                pipeline.rpush(key, *elements[-_LONGEST:])
                pipeline.ltrim(key, -_LONGEST, -1)
        if len(pipeline):
            pipeline.publish(EVENTS, "")  # what was rung for is told of in the ledger by now
            await self._attempt(pipeline.execute())

    async def _attempt(self, call: Any) -> Any:
        """The call's answer, or None when Redis is away; says so once, and once when it is back."""
        try:
            answer = await call
        except _AWAY as error:
            if self.connected:
                _log.warning(
                    "redis is away; work goes on from the ledger", error=type(error).__name__
                )
            self.connected = False
            return None
        if not self.connected:
            _log.info("redis is back")
        self.connected = True
        return answer


class Ear:
    """One blocking listener with a connection of its own, which is never cancelled mid-pop."""

    def __init__(self, url: str, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            **_TEXT,
            single_connection_client=True,
            socket_connect_timeout=2,
            socket_timeout=None,
        )

    async def wait(self, seconds: float, *, most: int = 64) -> list[str]:
        """Elements heard within `seconds`, at once when there are some; empty: look for yourself.

        A Redis that is away costs the whole wait, so a caller that polls never spins.
        """
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(seconds + 5):
                heard = await self._client.blpop(self._keys, timeout=seconds)
                if heard is None:
                    return []
                key, first = heard
                more = await self._client.lpop(key, most - 1) if most > 1 else None
                return [first, *(more or [])]
        except _AWAY:
            leave_if_cancelled()
            await self._client.connection_pool.disconnect()
            await asyncio.sleep(max(0.0, began + seconds - asyncio.get_running_loop().time()))
            return []

    async def close(self) -> None:
        """Give the connection back."""
        await self._client.aclose()


class Calls:
    """Follows the calls of a channel: to look at one's leases, or at what is new among events.

    A lost call costs the time until its listener looks of its own accord.
    """

    def __init__(self, url: str, channel: str = CANCELS) -> None:
        self._channel = channel
        self._client: redis.Redis = redis.Redis.from_url(
            url, **_TEXT, socket_connect_timeout=2, socket_timeout=None
        )
        self._pubsub: PubSub | None = None

    async def wait(self, seconds: float) -> bool:
        """True when a call came within `seconds`."""
        try:
            async with asyncio.timeout(seconds + 5):
                if self._pubsub is None:
                    self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
                    await self._pubsub.subscribe(self._channel)
                called = await self._pubsub.get_message(timeout=seconds) is not None
                while called and await self._pubsub.get_message(timeout=0) is not None:
                    pass  # one look answers all calls that came before it
                return called
        except _AWAY:
            leave_if_cancelled()
            await self.rest()
            await asyncio.sleep(seconds)
            return False

    async def close(self) -> None:
        """Unsubscribe and give the connection back."""
        await self.rest()
        await self._client.aclose()

    async def rest(self) -> None:
        """Unsubscribe until the next wait."""
        if self._pubsub is not None:
            await self._pubsub.aclose()  # type: ignore[no-untyped-call]
            self._pubsub = None


def _presence(fields: dict[str, str]) -> Presence | None:
    """What an agent told; None for what is not of this version or not ours."""
    try:
        known = {name: json.loads(fields[name]) for name in Presence.model_fields if name in fields}
        return Presence.model_validate(known)
    except ValueError as error:
        _log.warning("presence not understood", error=type(error).__name__)
        return None
