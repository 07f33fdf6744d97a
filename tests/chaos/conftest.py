"""Real agent processes to kill, and one orchestrator in this process that must cope."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrator.advance import Advancer
from orchestrator.dispatcher import Dispatcher, Ears
from orchestrator.rescuer import Rescuer
from orchestrator.steps import Steps
from shared.background import running
from shared.database.connection import Pool, open_pool
from shared.database.tasks import TaskLedger
from shared.queue import RESULTS, SUBMISSIONS, Doorbell, Ear
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.ledger_world import World
from tests.scripted_service import scripted_service

LEASE_SECONDS = 1.5
HEARTBEAT_SECONDS = 0.4
RESCUE_SECONDS = 0.3
_STEP_SECONDS = 30.0
_ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def nursery() -> Iterator["subprocess.Popen[str]"]:
    """The process that agents are forked from."""
    with subprocess.Popen(
        (sys.executable, "-m", "tests.chaos.nursery"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
        start_new_session=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        yield program
        program.stdin.close()
        program.wait(10)


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """Something that answers the preflight of agents; no attempt here asks a model."""
    with scripted_service() as service:
        yield service.url


@pytest.fixture
def agents(
    nursery: "subprocess.Popen[str]",
    model_url: str,
    database_url: str,
    redis_url: str,
    tmp_path: Path,
) -> Iterator[Agents]:
    """Agents on the ledger of this test; whatever is left is killed."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "DATABASE_POOL_MIN": "1",
        "DATABASE_POOL_MAX": "4",
        "REDIS_URL": redis_url,
        "ANTHROPIC_API_KEY": "no-key",
        "ANTHROPIC_BASE_URL": model_url,
        "SHARED_FILES_DIR": str(tmp_path),
        "AGENT_PROFILE": "analyst",
        "AGENT_PORT": "0",
        "AGENT_CONCURRENCY": "2",
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "HEARTBEAT_SECONDS": str(HEARTBEAT_SECONDS),
        "LOG_LEVEL": "error",
    }
    agents = Agents(nursery, environment)
    yield agents
    for pid in list(agents.alive):
        agents.kill(pid)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on a fresh ledger."""
    pool = await open_pool(database_url, minimum=1, maximum=10)
    yield pool
    await pool.close()


@pytest.fixture
def world(pool: Pool) -> World:
    """A world on that ledger."""
    return World(pool)


@pytest.fixture
async def orchestrator(
    pool: Pool, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Author]:
    """The orchestrator's own loops, without its API and its model."""
    author, owner = Author(pool), uuid4()
    ears = Ears(Ear(redis_url, [RESULTS]), Ear(redis_url, [SUBMISSIONS]))
    async with Doorbell(redis_url) as doorbell:
        advancer = Advancer(
            pool, doorbell, files=tmp_path, owner=owner, lease_seconds=_STEP_SECONDS
        )
        steps = Steps(
            pool,
            author,
            author,
            owner=owner,
            lease_seconds=_STEP_SECONDS,
            slots=4,
            simulated=True,
        )
        dispatcher = Dispatcher(
            TaskLedger(pool),
            advancer,
            steps,
            ears,
            owner=owner,
            lease_seconds=_STEP_SECONDS,
            sweep_seconds=0.2,
        )
        rescuer = Rescuer(
            pool,
            doorbell,
            url=database_url,
            lease_seconds=LEASE_SECONDS,
            interval=RESCUE_SECONDS,
            max_losses=100,
        )
        async with running(dispatcher.run(), rescuer.run()):
            yield author
    await ears.results.close()
    await ears.submissions.close()
