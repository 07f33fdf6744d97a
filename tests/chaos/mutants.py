"""Deliberately broken variants: what they do to a ledger, the invariants must notice."""

import random
import re
from uuid import UUID

from shared.background import leave_if_cancelled
from shared.database import statements
from shared.queue import Doorbell, Ear, lists_for
from tests.chaos.executors import Sleepwalker
from tests.ledger_world import World

CAPABILITY = "data_analysis"
LISTS = lists_for([CAPABILITY])
_FENCE = re.compile(r"AND subtasks\.attempt = settled\.attempt\s+AND subtasks\.owner = \$3\s")


def unfenced(statement: str) -> str:
    """The statement that settles, with the status as its only guard."""
    broken, fences = _FENCE.subn("AND $3::uuid IS NOT NULL ", statement)
    assert fences == 1, "the fence of this statement is written otherwise now"
    return broken


class Unfenced(Sleepwalker):
    """Its whole process settles without naming attempt and owner."""

    def __init__(self) -> None:
        named = statements.load("attempts")
        named["complete"] = unfenced(named["complete"])
        statements.find.cache_clear()


class Believer:
    """An agent to which a bell is the work itself; now and then it dies with one in its hand."""

    def __init__(self, world: World, url: str, dice: random.Random, *, deaths: float) -> None:
        self._world = world
        self._url = url
        self._dice = dice
        self._deaths = deaths
        self.died = 0

    async def run(self) -> None:
        """Do what is heard until cancelled, and never look at the ledger for more."""
        ear = Ear(self._url, LISTS)
        try:
            async with Doorbell(self._url) as doorbell:
                while True:
                    for element in await ear.wait(0.2, most=1):
                        await self._obey(UUID(element), doorbell)
                    leave_if_cancelled()
        finally:
            await ear.close()

    async def _obey(self, subtask_id: UUID, doorbell: Doorbell) -> None:
        if self._dice.random() < self._deaths:
            self.died += 1
            return
        claimant = self._world.claimant(CAPABILITY)
        claimed = await self._world.subtasks.claim([subtask_id], limit=1, claimant=claimant)
        for assignment in claimed:
            await self._world.complete(assignment)
        await doorbell.ring_results(assignment.task_id for assignment in claimed)
