"""Orchestrators as processes: their loops in a process of their own, so that it can be killed."""

import asyncio
import json
import os
from dataclasses import asdict
from pathlib import Path

from shared import log
from shared.database.connection import open_pool
from tests.chaos.author import Thinker
from tests.chaos.forked import Forked
from tests.chaos.loops import Pace, Place, orchestrating
from tests.chaos.signs import Signs


class Orchestrators(Forked):
    """Starts them; each signs its plans and answers with its process id."""

    def start(self, pace: Pace, *, thinking: float = 0.1, stubborn: bool = False) -> int:
        """A new orchestrator's process id; a stubborn one does nothing else while it thinks."""
        return self.fork(
            "orchestrator",
            PACE=json.dumps(asdict(pace)),
            THINKING=json.dumps({"seconds": thinking, "stubborn": stubborn}),
        )


async def _orchestrate() -> None:
    url, files = os.environ["DATABASE_URL"], Path(os.environ["SHARED_FILES_DIR"])
    place = Place(url, os.environ["REDIS_URL"], files)
    pool = await open_pool(url, minimum=1, maximum=6)
    thinking = json.loads(os.environ["THINKING"])
    author = Thinker(pool, name=str(os.getpid()), signs=Signs(files), **thinking)
    async with orchestrating(pool, author, place, Pace(**json.loads(os.environ["PACE"]))):
        await asyncio.Event().wait()  # until it is killed


def main() -> int:
    """Orchestrate until killed."""
    log.configure(level="error", form="json", service="orchestrator")
    asyncio.run(_orchestrate())
    return 0
