"""A populated orchestrator behind a real socket, for callers that are not asynchronous."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from anyio.from_thread import start_blocking_portal
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig

from orchestrator.request_body import Limits
from shared.database.connection import Pool, open_pool
from shared.database.migrate import migrate
from shared.models import Capability
from tests.api_world import Api, listening, open_api
from tests.conftest import Servers
from tests.ledger_world import planned

DETERMINISTIC = SchemathesisConfig(
    seed=20_260_504,
    projects=ProjectsConfig(
        default=ProjectConfig(
            generation=GenerationConfig(max_examples=15, deterministic=True, database="none")
        )
    ),
)
_GENEROUS = Limits(files=1_000, upload_bytes=1 << 20)  # the contract leaves them open


@dataclass(frozen=True, slots=True)
class Served:
    """Where the API is, and real ids to call it with: tasks, their subtasks, their artifacts."""

    url: str
    tasks: tuple[UUID, ...]
    subtasks: dict[UUID, tuple[UUID, ...]]
    artifacts: dict[UUID, tuple[str, ...]]


@pytest.fixture(scope="module")
def served(local_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The API with tasks in every state, on a ledger for all the calls of a module."""
    files = tmp_path_factory.mktemp("files")
    with start_blocking_portal() as portal:
        world = portal.wrap_async_context_manager(_serve(local_servers, files))
        with world as running:
            yield running


@asynccontextmanager
async def _serve(servers: Servers, files: Path) -> AsyncIterator[Served]:
    async with (
        fresh_pool(servers) as pool,
        open_api(pool, servers.redis_url, files, limits=_GENEROUS) as api,
        listening(api.app) as port,
    ):
        tasks = await _populate(api)
        views = [await api.task(task_id) for task_id in tasks]
        yield Served(
            f"http://127.0.0.1:{port}",
            tasks,
            {UUID(view["id"]): tuple(UUID(s["id"]) for s in view["subtasks"]) for view in views},
            {UUID(view["id"]): tuple(a["path"] for a in view["artifacts"]) for view in views},
        )


@asynccontextmanager
async def fresh_pool(servers: Servers) -> AsyncIterator[Pool]:
    """A pool on a ledger that nobody else uses; it ends with its server."""
    ledger = urlsplit(servers.postgres_url)._replace(path=f"/contract_{uuid4().hex}").geturl()
    await migrate(ledger)
    pool = await open_pool(ledger, minimum=1, maximum=10)
    yield pool
    await pool.close()


async def _populate(api: Api) -> tuple[UUID, ...]:
    """Tasks that wait, run, have failed in part, and have left a file; one agent."""
    world = api.world
    await api.appear("agent-1", Capability.DATA_ANALYSIS)
    waiting = UUID((await api.submit())["id"])
    running = await world.ready(planned("a"), planned("b", "a"))
    await world.claim_next(world.claimant())
    failed = await world.ready(planned("c"), planned("d", "c"))
    (assignment,) = await world.claim_next(world.claimant())
    assert await world.fail(assignment)
    await api.advancer.advance([failed])
    done = await world.ready(planned("e"))
    (assignment,) = await world.claim_next(world.claimant())
    await api.leave(assignment, {"report.md": b"# Report", "data/ä.csv": b"a,b"})
    return waiting, running, failed, done
