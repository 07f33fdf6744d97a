"""The orchestrator's own loops, without its API and its model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from orchestrator.advance import Advancer
from orchestrator.dispatcher import Dispatcher, Ears
from orchestrator.rescuer import Rescuer
from orchestrator.steps import Steps
from shared.background import running
from shared.database.connection import Pool
from shared.database.tasks import TaskLedger
from shared.queue import RESULTS, SUBMISSIONS, Doorbell, Ear
from tests.chaos.author import Author

_SLOTS = 4
_MAX_LOSSES = 100


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: leases of attempts and of steps, and how often who looks at the ledger."""

    lease: float = 1.5
    heartbeat: float = 0.4
    step_lease: float = 30.0
    sweep: float = 0.2
    rescue: float = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """Where an orchestrator finds its servers and files."""

    database_url: str
    redis_url: str
    files: Path


@asynccontextmanager
async def orchestrating(
    pool: Pool, author: Author, place: Place, pace: Pace
) -> AsyncIterator[None]:
    """Dispatch and rescue while the block runs."""
    async with dispatching(pool, author, place, pace), Doorbell(place.redis_url) as doorbell:
        rescuer = Rescuer(
            pool,
            doorbell,
            url=place.database_url,
            lease_seconds=pace.lease,
            interval=pace.rescue,
            max_losses=_MAX_LOSSES,
        )
        async with running(rescuer.run()):
            yield


@asynccontextmanager
async def dispatching(pool: Pool, author: Author, place: Place, pace: Pace) -> AsyncIterator[None]:
    """Only dispatch while the block runs."""
    owner, lease = uuid4(), pace.step_lease
    ears = Ears(Ear(place.redis_url, [RESULTS]), Ear(place.redis_url, [SUBMISSIONS]))
    async with Doorbell(place.redis_url) as doorbell:
        advancer = Advancer(pool, doorbell, files=place.files, owner=owner, lease_seconds=lease)
        steps = Steps(
            pool, author, author, owner=owner, lease_seconds=lease, slots=_SLOTS, simulated=True
        )
        dispatcher = Dispatcher(
            TaskLedger(pool),
            advancer,
            steps,
            ears,
            owner=owner,
            lease_seconds=lease,
            sweep_seconds=pace.sweep,
        )
        try:
            async with running(dispatcher.run()):
                yield
        finally:
            await ears.results.close()
            await ears.submissions.close()
