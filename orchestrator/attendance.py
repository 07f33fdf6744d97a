"""Tells of agents' comings and goings, as the roster sees them, in the ledger's events."""

import asyncio

import structlog

from orchestrator.roster import Roster
from shared.background import leave_if_cancelled
from shared.database.events import EventLedger
from shared.errors import DependencyUnavailable

_log = structlog.get_logger(__name__)


class Attendance:
    """Tells what changes in this process's own view; what another told already is not news.

    Only one's own changes: two processes that see a silence end a moment apart do not quarrel.
    """

    def __init__(
        self,
        ledger: EventLedger,
        roster: Roster,
        *,
        interval: float = 1.0,
        patience: float = 30.0,
    ) -> None:
        self._ledger = ledger
        self._roster = roster
        self._interval = interval
        self._patience = patience
        self._told: dict[str, str] | None = None
        self._met: set[str] = set()
        self._began = 0.0

    async def run(self) -> None:
        """Look every so often, until cancelled."""
        while True:
            try:
                await self.look()
            except DependencyUnavailable as error:
                _log.warning("cannot tell of agents", error=error.detail)
            leave_if_cancelled()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Look once, and tell what has changed; who cannot hear anybody tells nothing."""
        if not self._roster.hears:
            return
        now = asyncio.get_running_loop().time()
        if self._told is None:
            self._told, self._began = await self._ledger.agents(), now
        here = {agent.agent_id: agent.state for agent in self._roster.agents()}
        seen = {name: "silent" if here[name] == "silent" else "appeared" for name in here}
        for name, state in self._told.items():
            if state == "appeared" and name not in here:
                if name in self._met:
                    seen[name] = "left"
                elif now - self._began > self._patience:  # it went while nobody looked
                    seen[name] = "silent"
        news = {name: state for name, state in seen.items() if self._told.get(name) != state}
        if news:
            await self._ledger.tell_of_agents(news)
            self._told |= news
        self._met |= set(here)
