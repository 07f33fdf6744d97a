"""Orchestrators die and freeze while they plan, advance and aggregate; another takes over."""

import asyncio
import random
import signal
from collections import Counter
from uuid import UUID

import pytest

from shared.database.connection import Pool
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.ending import broken_invariants, completed
from tests.chaos.loops import Pace
from tests.chaos.orchestrators import Orchestrators
from tests.chaos.watching import until
from tests.chaos.workloads import CHAIN, DIAMOND, shaped
from tests.ledger_world import World, plan_of, planned

_TASKS = 16
_FAULTS = 18
_PACE = Pace(step_lease=0.6)


async def _submit(author: Author, dice: random.Random, seconds: float) -> list[UUID]:
    """A task now and then, so that at any instant some are in every step."""
    tasks = []
    for number in range(_TASKS):
        shape = DIAMOND if number % 4 == 0 else CHAIN
        tasks.append(await author.submit(shaped(shape, dice, 20, 80), user=f"user-{number % 3}"))
        await asyncio.sleep(seconds / _TASKS)
    return tasks


async def _storm(orchestrators: Orchestrators, faults: list[tuple[float, str, float]]) -> None:
    """Faults as scheduled: when after the one before, what, and how long a frozen one sleeps."""
    await orchestrators.signs.seen("planning", orchestrators.alive[0])
    async with asyncio.TaskGroup() as group:
        for pause, fault, asleep in faults:
            await asyncio.sleep(pause)
            victim = orchestrators.alive[0]
            if fault == "kill":
                orchestrators.kill(victim)
                orchestrators.start(_PACE)
            else:
                group.create_task(orchestrators.pause(victim, asleep))
                orchestrators.alive.append(orchestrators.alive.pop(0))


async def _steps(pool: Pool) -> int:
    """How often a step was taken: once for planning, once for aggregating, or by a successor."""
    return int(await pool.fetchval("SELECT sum(step_attempt) FROM tasks"))


async def test_tasks_complete_once_whatever_orchestrators_do(
    world: World,
    pool: Pool,
    orchestrators: Orchestrators,
    agents: Agents,
    dice: random.Random,
) -> None:
    faults = [
        (dice.uniform(0.05, 0.25), dice.choice(["kill", "kill", "freeze"]), dice.uniform(0.2, 1.2))
        for _ in range(_FAULTS)
    ]
    faults[0] = (0.0, "kill", 0.0)  # in the middle of a plan, whatever the dice say of the others
    for thinking in (0.5, 0.1):
        orchestrators.start(_PACE, thinking=thinking)
        agents.start()
    async with asyncio.TaskGroup() as group:
        storm = sum(fault[0] for fault in faults)
        submitting = group.create_task(_submit(Author(pool), dice, storm))
        group.create_task(_storm(orchestrators, faults))
    tasks = submitting.result()
    await completed(world, *tasks, within=30)
    taken = await _steps(pool)
    print(f"faults {dict(Counter(fault for _, fault, _ in faults))}, {taken} steps taken")
    assert taken > 2 * _TASKS, "a storm that hits nothing proves nothing"
    answers = await pool.fetch(
        "SELECT answer, count(s.id) AS parts FROM tasks AS t JOIN subtasks AS s ON s.task_id = t.id"
        " GROUP BY t.id"
    )
    assert len(answers) == _TASKS
    assert all(row["answer"] == f"{row['parts']} parts" for row in answers)
    assert {row["parts"] for row in answers} == {len(CHAIN), len(DIAMOND)}
    assert await pool.fetchval("SELECT count(*) FROM plan_versions") == _TASKS
    assert await broken_invariants(pool) == {}
    agents.assert_alive()
    orchestrators.assert_alive()


_SIGNATURES = {
    "planning": "SELECT plan ->> 'summary' FROM plan_versions",
    "aggregating": "SELECT result ->> 'by' FROM tasks",
}


@pytest.mark.parametrize("step", ["planning", "aggregating"])
async def test_a_frozen_orchestrators_late_step_is_refused(
    pool: Pool, orchestrators: Orchestrators, agents: Agents, step: str
) -> None:
    frozen = orchestrators.start(_PACE, thinking=0.4, stubborn=True)
    agents.start()
    await Author(pool).submit(plan_of(planned("only", estimated_duration=1)))
    await orchestrators.signs.seen(step, frozen)
    orchestrators.send(frozen, signal.SIGSTOP)
    taken = await _steps(pool)
    successor = orchestrators.start(_PACE, thinking=0.8)
    await orchestrators.signs.seen(step, successor)
    assert await _steps(pool) == taken + 1
    orchestrators.send(frozen, signal.SIGCONT)
    await until(pool, _SIGNATURES[step])
    assert await pool.fetchval(_SIGNATURES[step]) == str(successor)
    assert await broken_invariants(pool) == {}
    orchestrators.assert_alive()
