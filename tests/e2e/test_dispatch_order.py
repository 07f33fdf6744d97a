"""Who gets the next slot: capabilities, urgency, users in turn, the longest path, limits."""

import asyncio
import random
from collections import Counter
from uuid import UUID

import pytest

from shared.models import Assignment
from tests.ledger_world import World, planned

_BOTH = ("data_analysis", "web_scraping")


async def _ready(world: World, user: str, count: int, *, priority: int = 5) -> UUID:
    return await world.ready(
        *(planned(f"{user}-{number}", priority=priority) for number in range(count)), user=user
    )


async def _keys_in_order(world: World) -> list[str]:
    claimant = world.claimant()
    keys: list[str] = []
    while claimed := await world.claim_next(claimant):
        keys += [assignment.key for assignment in claimed]
    return keys


async def test_all_required_capabilities_or_nothing(world: World) -> None:
    await world.ready(planned("both", required_capabilities=_BOTH))
    for capability in _BOTH:
        assert not await world.claim_next(world.claimant(capability), limit=4)
    [claimed] = await world.claim_next(world.claimant(*_BOTH, "code_generation"))
    assert claimed.key == "both"


async def test_what_nobody_can_do_blocks_nobody_behind_it(world: World) -> None:
    await world.ready(
        planned("stuck", required_capabilities=("api_integration",), priority=10),
        planned("behind", priority=1),
    )
    assert await _keys_in_order(world) == ["behind"]


async def test_a_claim_for_a_route_not_served_is_refused(world: World) -> None:
    await world.ready(planned("only", required_capabilities=_BOTH))
    subtask_id = await world.pool.fetchval("SELECT id FROM subtasks")
    refused = await world.subtasks.claim(
        [subtask_id], limit=1, claimant=world.claimant("data_analysis")
    )
    assert not refused
    assert await world.pool.fetchval("SELECT status FROM subtasks") == "queued"
    assert await world.subtasks.claim([subtask_id], limit=1, claimant=world.claimant(*_BOTH))


async def test_bands_come_before_turns(world: World) -> None:
    await _ready(world, "ann", 2, priority=2)
    await _ready(world, "bob", 2, priority=5)
    await _ready(world, "cid", 2, priority=9)
    users = [key[:3] for key in await _keys_in_order(world)]
    assert users == ["cid", "cid", "bob", "bob", "ann", "ann"]


async def test_priority_counts_within_a_user(world: World) -> None:
    await world.ready(planned("low", priority=4), planned("high", priority=6), planned("mid"))
    assert await _keys_in_order(world) == ["high", "mid", "low"]


async def test_the_persons_priority_shifts_the_plans(world: World) -> None:
    await world.ready(planned("usual", priority=6), user="ann", priority=5)
    await world.ready(planned("urgent", priority=5), user="ann", priority=8)
    assert await _keys_in_order(world) == ["urgent", "usual"]


async def test_the_longest_remaining_path_goes_first(world: World) -> None:
    await world.ready(
        planned("short", estimated_duration=50),
        planned("head", estimated_duration=10),
        planned("tail", "head", estimated_duration=100),
    )
    assert await _keys_in_order(world) == ["head", "short"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("batch", [1, 4])
async def test_users_take_turns_while_each_has_work(world: World, seed: int, batch: int) -> None:
    left = Counter(ann=20, bob=5, cid=1)
    for user in random.Random(seed).sample(sorted(left), 3):
        await _ready(world, user, left[user])
    started: Counter[str] = Counter()
    while any(left.values()):
        for assignment in await world.claim_next(world.claimant(), limit=batch):
            _assert_fair(started, left, assignment)
    assert started == Counter(ann=20, bob=5, cid=1)


def _assert_fair(started: Counter[str], left: Counter[str], assignment: Assignment) -> None:
    busy = [user for user, count in left.items() if count]
    started[assignment.user_id] += 1
    left[assignment.user_id] -= 1
    counts = [started[user] for user in busy]
    assert max(counts) - min(counts) <= 1, (started, left)


async def test_turns_are_kept_per_band(world: World) -> None:
    await _ready(world, "ann", 6, priority=9)
    assert len(await world.claim_next(world.claimant(), limit=6)) == 6
    await _ready(world, "ann", 3)
    await _ready(world, "bob", 3)
    users = [key[:3] for key in await _keys_in_order(world)]
    assert [set(users[turn : turn + 2]) for turn in (0, 2, 4)] == [{"ann", "bob"}] * 3


async def test_a_newcomer_has_its_turn_at_once_but_no_credit(world: World) -> None:
    await _ready(world, "ann", 30)
    for _ in range(10):
        assert await world.claim_next(world.claimant())
    await _ready(world, "new", 10)
    users = [key[:3] for key in (await _keys_in_order(world))[:6]]
    assert users == ["new", "ann", "new", "ann", "new", "ann"]


async def test_the_limit_on_everything_is_exact(world: World) -> None:
    await _ready(world, "ann", 30)
    claims = await asyncio.gather(
        *(world.claim_next(world.claimant(max_running=7), limit=2) for _ in range(20))
    )
    assert sum(len(claim) for claim in claims) == 7
    done = next(claim for claim in claims if claim)[0]
    assert await world.complete(done)
    assert len(await world.claim_next(world.claimant(max_running=7), limit=5)) == 1


async def test_the_limit_on_a_role_is_exact_and_its_own(world: World) -> None:
    await _ready(world, "ann", 40)
    roles = ["analyst", "engineer"] * 10
    claims = await asyncio.gather(
        *(
            world.claim_next(world.claimant(role=role, max_running_in_role=4), limit=2)
            for role in roles
        )
    )
    running: Counter[str] = Counter()
    for role, claim in zip(roles, claims, strict=True):
        running[role] += len(claim)
    assert running == Counter(analyst=4, engineer=4)
