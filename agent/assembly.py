"""Puts the parts of one agent process together, in order, and takes them apart in reverse."""

import importlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import psutil
import structlog

from agent.attempt import Executor
from agent.check_probes import CheckProbes
from agent.claude_parts import ClaudeSettings
from agent.executor import ClaudeExecutor
from agent.heartbeat import Leases
from agent.notes import NoteWriter
from agent.presence import PresenceBeat
from agent.process_tree import sweep
from agent.profiles import Profile, profile_named
from agent.settle import Settler
from agent.worker import Pace, Worker
from shared import config, metrics
from shared.background import forget_imports, measure_lag, running
from shared.database.connection import Pool, open_pool
from shared.database.subtasks import Claimant, SubtaskLedger
from shared.errors import ConfigurationError
from shared.models import Capability, Presence
from shared.queue import Calls, Doorbell, Ear, lists_for, routes_for

_log = structlog.get_logger(__name__)
_SECRETS = ("DATABASE_URL", "DATA_DATABASE_URL", "REDIS_URL", "VOYAGE_API_KEY")


@dataclass(frozen=True, slots=True)
class Parts:
    """What `__main__` drives."""

    worker: Worker
    beat: PresenceBeat
    probes: CheckProbes | None


class Assembly:
    """One agent process, from its settings; with `one_shot` a guest that nobody else sees."""

    def __init__(self, *, one_shot: bool = False) -> None:
        self._one_shot = one_shot
        self.settings = config.AgentSettings()
        self._database = config.DatabaseSettings()
        self._redis_url = config.QueueSettings().url
        self._leases = config.LeaseSettings()
        self.profile = _profile(self.settings)
        self._claude = ClaudeSettings(self.settings, self.profile)
        self.owner = uuid4()
        for name in _SECRETS:  # nothing that this process starts shall inherit them
            os.environ.pop(name, None)

    @property
    def agent_id(self) -> str:
        """The name people see; the fence is the owner, never this."""
        fallback = f"{self.profile.name}-{socket.gethostname()}-{self.settings.port}"
        return self.settings.agent_id or fallback

    @property
    def url(self) -> str:
        """Where others reach this agent."""
        host = self.settings.host
        reachable = socket.gethostname() if host in ("0.0.0.0", "::") else host  # noqa: S104
        return self.settings.url or f"http://{reachable}:{self.settings.port}"

    @property
    def marker(self) -> str:
        """Marks the processes of this agent's attempts: this agent, of this installation.

        A guest's never looks like a part of an agent's, which may have the same name and live.
        """
        name = f"{self.agent_id}@{self._claude.files}"
        return f"{name}#{self.owner}" if self._one_shot else name

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Parts]:
        """The parts, with their loops running; a guest does not show up on the dashboard."""
        forget_imports()
        async with AsyncExitStack() as stack:
            simulated = await self._preflight()
            if not self._one_shot and (left := await sweep(self.marker)):
                _log.error("processes of an earlier run could not be ended", pids=left)
            pool = await open_pool(
                self._database.url,
                minimum=self._database.pool_min,
                maximum=self._database.pool_max,
                application=f"quintet agent {self.agent_id}"[:63],
            )
            stack.push_async_callback(pool.close)
            doorbell = await stack.enter_async_context(Doorbell(self._redis_url))
            ear = Ear(self._redis_url, lists_for(self.profile.capabilities))
            stack.push_async_callback(ear.close)
            calls = Calls(self._redis_url)
            stack.push_async_callback(calls.close)
            executor, probes = await self._workers_hands(stack, pool)
            ledger = SubtaskLedger(pool)
            leases = self._lease_keeper(ledger)
            settler = Settler(ledger, doorbell, owner=self.owner, simulated=simulated)
            key = self._claude.model.api_key.get_secret_value()
            notes = NoteWriter(ledger, agent_id=self.agent_id, secrets=(key,))
            stack.push_async_callback(notes.flush)
            worker = Worker(
                ledger=ledger,
                ear=ear,
                executor=executor,
                leases=leases,
                settler=settler,
                notes=notes,
                claimant=self._claimant(),
                pace=Pace(self.settings.concurrency, self.settings.drain_seconds),
            )
            beat = self._beat(worker, doorbell, simulated=simulated)
            self._show(worker, doorbell, simulated=simulated)
            loops = [
                leases.run(),
                settler.run(),
                notes.run(),
                _listen(calls, leases),
                measure_lag(),
            ]
            if not self._one_shot:
                loops.append(beat.run())
            await stack.enter_async_context(running(*loops))
            yield Parts(worker, beat, probes)

    async def _preflight(self) -> bool:
        async with self._claude.claude(max_retries=0) as claude:
            return await claude.preflight(self.profile.model or self._claude.model.agent)

    async def _workers_hands(
        self, stack: AsyncExitStack, pool: Pool
    ) -> tuple[Executor, CheckProbes | None]:
        """Claude's executor, or the one that AGENT_EXECUTOR names as `module:name`."""
        module_name, _, name = self.settings.executor.partition(":")
        try:
            maker = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ConfigurationError(
                f"AGENT_EXECUTOR {self.settings.executor!r} cannot be loaded: {error}",
                remedy="write it as package.module:ClassName",
            ) from error
        if maker is not ClaudeExecutor:
            return cast("Executor", maker()), None
        opened = self._claude.open(
            pool, owner=self.owner, agent_id=self.agent_id, marker=self.marker
        )
        parts = await stack.enter_async_context(opened)
        return parts.executor, parts.probes

    def _lease_keeper(self, ledger: SubtaskLedger) -> Leases:
        return Leases(
            ledger,
            owner=self.owner,
            lease_seconds=self._leases.lease_seconds,
            interval=self._leases.heartbeat_seconds,
        )

    def _claimant(self) -> Claimant:
        return Claimant(
            owner=self.owner,
            agent_id=self.agent_id,
            role=self.profile.name,
            routes=tuple(routes_for(self.profile.capabilities)),
            lease_seconds=self._leases.lease_seconds,
            max_running=self.settings.max_running,
            max_running_in_role=self.settings.max_running_per_role.get(self.profile.name, 0),
        )

    def _show(self, worker: Worker, doorbell: Doorbell, *, simulated: bool) -> None:
        metrics.REDIS.set_function(lambda: float(doorbell.connected))
        metrics.SIMULATED.set(simulated)
        slots = self.settings.concurrency
        metrics.SLOTS.labels("taken").set_function(lambda: len(worker.running))
        metrics.SLOTS.labels("free").set_function(lambda: slots - len(worker.running))

    def _beat(self, worker: Worker, doorbell: Doorbell, *, simulated: bool) -> PresenceBeat:
        limits = self._claimant()
        fixed = Presence(
            agent_id=self.agent_id,
            profile=self.profile.name,
            url=self.url,
            capabilities=self.profile.capabilities,
            slots=self.settings.concurrency,
            max_running=limits.max_running,
            max_running_in_role=limits.max_running_in_role,
            simulated=simulated,
            started_at=datetime.fromtimestamp(psutil.Process().create_time(), UTC),
        )
        return PresenceBeat(worker, doorbell, fixed, interval=self._leases.heartbeat_seconds)


async def _listen(calls: Calls, leases: Leases) -> None:
    """Look at the leases as soon as somebody cancels something."""
    while True:
        if await calls.wait(5.0):
            leases.nudge()


def _profile(settings: config.AgentSettings) -> Profile:
    """The profile, perhaps with other capabilities given by the environment."""
    profile = profile_named(settings.profile)
    if not settings.capabilities:
        return profile
    try:
        wanted = tuple(Capability(name) for name in settings.capabilities)
    except ValueError as error:
        raise ConfigurationError(
            f"AGENT_CAPABILITIES: {error}",
            remedy=f"use some of: {', '.join(Capability)}",
        ) from error
    return profile.model_copy(update={"capabilities": wanted})
