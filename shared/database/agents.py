"""What agents do and did, as the ledger knows it."""

from collections.abc import Sequence
from decimal import Decimal

from shared.database.connection import Ledger, Row
from shared.models import AgentAttempt, AgentTotals, AgentWork

_MOST_AT_WORK = 500
_DAY_HOURS = 24


class AgentLedger(Ledger):
    """Reads of attempts by who made them."""

    topics = ("agents",)

    async def at_work(self) -> tuple[AgentWork, ...]:
        """Every attempt that is open, by agent."""
        rows = await self.fetch("agents_at_work", _MOST_AT_WORK)
        return tuple(AgentWork.model_validate(dict(row)) for row in rows)

    async def attempts(self, agent_id: str, *, limit: int) -> tuple[AgentAttempt, ...]:
        """The last attempts of an agent, newest first."""
        rows = await self.fetch("agent_attempts", agent_id, limit)
        return tuple(AgentAttempt.model_validate(dict(row)) for row in rows)

    async def last_day(self, agent_id: str) -> AgentTotals:
        """What it did in the last 24 hours."""
        return _totals(await self.fetch("agent_totals", agent_id, _DAY_HOURS))


def _totals(rows: Sequence[Row]) -> AgentTotals:
    ended = [row for row in rows if row["outcome"] is not None]
    count = sum(row["n"] for row in ended)
    return AgentTotals(
        attempts=sum(row["n"] for row in rows),
        outcomes={row["outcome"]: row["n"] for row in ended},
        mean_seconds=sum(row["seconds"] for row in ended) / count if count else None,
        cost_usd=sum((row["cost_usd"] for row in rows), Decimal(0)),
    )
