"""What most tests of the API begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.database.connection import Pool
from tests.api_world import Api, open_api


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """One orchestrator over the test's ledger."""
    async with open_api(pool, redis_url, tmp_path) as api:
        yield api
