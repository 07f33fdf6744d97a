"""The ledger's events: read in an order that never changes behind a reader, and forgotten."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.database.connection import Ledger
from shared.models import BEGINNING, Cursor, Event
from shared.states import TASK_TERMINAL

_TERMINAL = sorted(status.value for status in TASK_TERMINAL)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether events after a cursor were forgotten, and whether it is of another server."""

    pruned: bool
    foreign: bool


class EventLedger(Ledger):
    """Reads of events, and the few writes that no trigger does."""

    topics = ("events",)

    async def after(
        self, cursor: Cursor, *, task_id: UUID | None, limit: int
    ) -> list[tuple[Cursor, Event]]:
        """What follows a cursor, of one task or of all; fewer than `limit`: that is all now."""
        rows = await self.fetch("events_after", *cursor, task_id, limit)
        told = []
        for row in rows:
            fields = dict(row)
            told.append((Cursor(fields.pop("xact"), row["id"]), Event.model_validate(fields)))
        return told

    async def end(self) -> Cursor:
        """The place after everything that can be read now."""
        row = await self.fetchrow("events_settled")
        return BEGINNING if row is None else Cursor(row["xact"], 0)

    async def standing(self, cursor: Cursor) -> Standing:
        """What became of the events after a cursor."""
        row = await self.fetchrow("standing", *cursor)
        return Standing(False, False) if row is None else Standing(row["pruned"], row["elsewhere"])

    async def told_to_the_end(self, task_id: UUID, cursor: Cursor) -> bool:
        """Whether the task has ended and nothing of it follows the cursor."""
        row = await self.fetchrow("told_to_the_end", task_id, *cursor, _TERMINAL)
        return row is not None and bool(row["done"])

    async def agents(self) -> dict[str, str]:
        """What was last told of each agent: appeared, silent or left."""
        return {row["agent_id"]: row["state"] for row in await self.fetch("agents_seen")}

    async def tell_of_agents(self, states: Mapping[str, str]) -> list[str]:
        """Write an event for each agent whose state is news; those agents."""
        rows = await self.fetch("tell_of_agents", list(states), list(states.values()))
        return [row["agent_id"] for row in rows]

    async def prune(self, *, days: int, limit: int) -> int:
        """Forget up to `limit` of the first events if they are older; how many that were."""
        row = await self.fetchrow("prune_events", days, limit)
        return 0 if row is None else int(row["pruned"])

    async def adopt(self, *, limit: int) -> int:
        """Put up to `limit` events of a restored backup in their place; how many that were."""
        return len(await self.fetch("adopt_events", limit))
