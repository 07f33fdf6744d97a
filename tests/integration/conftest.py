"""A world on a fresh ledger."""

from collections.abc import AsyncIterator

import pytest

from shared.database.connection import Pool, open_pool
from tests.ledger_world import World


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on a fresh ledger."""
    pool = await open_pool(database_url, minimum=1, maximum=20)
    yield pool
    await pool.close()


@pytest.fixture
def world(pool: Pool) -> World:
    """A world on that ledger."""
    return World(pool)
