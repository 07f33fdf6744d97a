"""The whole system as real processes; only the model's words are simulated."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.database.connection import Pool
from tests.api_world import Api, open_api
from tests.conftest import Servers, started_servers
from tests.e2e.stack_world import START_SECONDS, ModelRequests, Stack, compose
from ui.client import AsyncQuintetClient

AGENTS = 5


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Databases, model, orchestrator and five agents; without the dashboard.

    With servers of its own: its agents must not hear the bells of other tests.
    """
    with started_servers() as servers:
        yield from _stack(servers, tmp_path_factory.mktemp("stack").resolve())


def _stack(servers: Servers, folder: Path) -> Iterator[Stack]:
    composed = compose(folder, servers.postgres_url, servers.redis_url)
    try:
        deadline = time.monotonic() + START_SECONDS
        composed.services["migrate"].start()
        composed.services["simulator"].start()
        composed.services["migrate"].await_end(deadline)
        composed.services["simulator"].await_health(deadline)
        composed.start("orchestrator", *(f"agent-{n}" for n in range(1, AGENTS + 1)))
        asyncio.run(_await_agents(composed, deadline))
        yield composed
    finally:
        composed.stop()


@pytest.fixture(scope="session")
def live_stack(stack: Stack) -> Stack:
    """The same with the dashboard, which only a browser's tests pay for."""
    stack.start("dashboard")
    return stack


@pytest.fixture(autouse=True)
def logs_of_a_failure(request: pytest.FixtureRequest) -> Iterator[None]:
    """Show the services' logs beside a test that fails."""
    failed_before = request.session.testsfailed
    yield
    stack = request.node.funcargs.get("stack") or request.node.funcargs.get("live_stack")
    if stack is not None and request.session.testsfailed > failed_before:
        print(stack.logs())


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """One orchestrator over the test's ledger, without the rest of the stack."""
    async with open_api(pool, redis_url, tmp_path) as api:
        yield api


@pytest.fixture
async def quintet(stack: Stack) -> AsyncIterator[AsyncQuintetClient]:
    """A client of the running orchestrator."""
    async with AsyncQuintetClient(stack.api_url) as client:
        yield client


@pytest.fixture
async def model(stack: Stack) -> AsyncIterator[ModelRequests]:
    """The simulated model's control, without faults before and after."""
    control = ModelRequests(stack.simulator_url)
    await control.clear()
    yield control
    await control.clear()


async def _await_agents(stack: Stack, deadline: float) -> None:
    async with AsyncQuintetClient(stack.api_url) as client:
        while len([agent for agent in await client.agents() if agent.available]) < AGENTS:
            assert time.monotonic() < deadline, stack.logs()
            await asyncio.sleep(0.1)
