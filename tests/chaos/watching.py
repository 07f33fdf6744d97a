"""What tests see of the ledger while things happen to it."""

from typing import Any

from shared.database.connection import Pool
from tests.ticks import ticks


async def until(pool: Pool, question: str, *values: Any, within: float = 20) -> None:
    """Wait until a query of one value answers with something true."""
    async for _ in ticks(within=within):
        if await pool.fetchval(question, *values):
            break


async def until_running(pool: Pool, count: int = 1) -> None:
    """Wait until so many attempts are open."""
    await until(pool, "SELECT count(*) >= $1 FROM attempts WHERE outcome IS NULL", count)


async def attempts(pool: Pool) -> list[tuple[str, int, str]]:
    """Key, number and outcome of every attempt."""
    rows = await pool.fetch(
        "SELECT s.key, a.attempt, a.outcome::text FROM attempts AS a"
        " JOIN subtasks AS s ON s.id = a.subtask_id ORDER BY s.key, a.attempt"
    )
    return [(row["key"], row["attempt"], row["outcome"]) for row in rows]
