"""Real agent processes to kill, and one orchestrator in this process that must cope."""

import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.database.connection import Pool
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.loops import Pace, Place, orchestrating
from tests.chaos.orchestrators import Orchestrators
from tests.scripted_service import scripted_service

_ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def nursery() -> Iterator["subprocess.Popen[str]"]:
    """The process that ours are forked from."""
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
def dice() -> random.Random:
    """Decides what goes wrong when; CHAOS_SEED tries another schedule, a failure tells which."""
    seed = int(os.environ.get("CHAOS_SEED", "20260101"))
    print(f"CHAOS_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def pace() -> Pace:
    """How fast things go; a test may have its own."""
    return Pace()


@pytest.fixture
def place(database_url: str, redis_url: str, tmp_path: Path) -> Place:
    """Where this test's ledger, bells and files are."""
    return Place(database_url, redis_url, tmp_path)


@pytest.fixture
def agents(
    nursery: "subprocess.Popen[str]", model_url: str, place: Place, pace: Pace
) -> Iterator[Agents]:
    """Agents on the ledger of this test; whatever is left is killed."""
    environment = {
        "PATH": os.environ["PATH"],
        "QUINTET_ENV_FILE": "",
        "DATABASE_URL": place.database_url,
        "DATABASE_POOL_MIN": "1",
        "DATABASE_POOL_MAX": "4",
        "REDIS_URL": place.redis_url,
        "ANTHROPIC_API_KEY": "no-key",
        "ANTHROPIC_BASE_URL": model_url,
        "SHARED_FILES_DIR": str(place.files),
        "AGENT_PROFILE": "analyst",
        "AGENT_PORT": "0",
        "AGENT_CONCURRENCY": "2",
        "LEASE_SECONDS": str(pace.lease),
        "HEARTBEAT_SECONDS": str(pace.heartbeat),
        "LOG_LEVEL": "error",
    }
    agents = Agents(nursery, environment)
    yield agents
    agents.kill_all()


@pytest.fixture
async def orchestrator(pool: Pool, place: Place, pace: Pace) -> AsyncIterator[Author]:
    """An orchestrator in this process."""
    author = Author(pool)
    async with orchestrating(pool, author, place, pace):
        yield author


@pytest.fixture
def orchestrators(nursery: "subprocess.Popen[str]", place: Place) -> Iterator[Orchestrators]:
    """Orchestrators on the ledger of this test; whatever is left is killed."""
    environment = {
        "PATH": os.environ["PATH"],
        "QUINTET_ENV_FILE": "",
        "DATABASE_URL": place.database_url,
        "REDIS_URL": place.redis_url,
        "SHARED_FILES_DIR": str(place.files),
    }
    orchestrators = Orchestrators(nursery, environment)
    yield orchestrators
    orchestrators.kill_all()
