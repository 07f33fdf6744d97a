"""How a run must end: tasks completed, and nothing in the ledger that may not be."""

import asyncio
import re
from pathlib import Path
from uuid import UUID

from shared.database.connection import Pool
from tests.ledger_world import World
from tests.ticks import ticks

_INVARIANTS = Path(__file__).with_name("invariants.sql")


async def completed(world: World, *tasks: UUID, within: float) -> None:
    """Wait until the tasks are."""
    async with asyncio.timeout(within):
        for task_id in tasks:
            async for _ in ticks(within=within):
                if await world.status(task_id) == "completed":
                    break


async def broken_invariants(pool: Pool) -> dict[str, int]:
    """Rows by invariant; empty when all hold."""
    parts = re.split(r"^-- name: (\w+)$", _INVARIANTS.read_text(), flags=re.MULTILINE)[1:]
    rows = {
        name: len(await pool.fetch(query))
        for name, query in zip(parts[::2], parts[1::2], strict=True)
    }
    assert len(rows) >= 16
    return {name: count for name, count in rows.items() if count}
