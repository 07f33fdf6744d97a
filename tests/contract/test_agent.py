"""An agent does what its OpenAPI says, whatever it is called with."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import schemathesis
from anyio.from_thread import start_blocking_portal

from agent.service import create_app
from tests.api_world import listening
from tests.conftest import Servers
from tests.contract.agent_world import open_agent
from tests.contract.conftest import DETERMINISTIC, fresh_pool

SCHEMA = schemathesis.openapi.from_dict(create_app(None, None).openapi(), config=DETERMINISTIC)


@pytest.fixture(scope="module")
def url(local_servers: Servers) -> Iterator[str]:
    """An agent behind a real socket, in a thread of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_serve(local_servers)) as url,
    ):
        yield url


@asynccontextmanager
async def _serve(servers: Servers) -> AsyncIterator[str]:
    async with (
        fresh_pool(servers) as pool,
        open_agent(pool, servers.redis_url) as agent,
        listening(agent.app) as port,
    ):
        yield f"http://127.0.0.1:{port}"


@SCHEMA.parametrize()
def test_every_call_is_answered_as_described(case: schemathesis.Case[Any], url: str) -> None:
    case.call_and_validate(base_url=url, timeout=10)
