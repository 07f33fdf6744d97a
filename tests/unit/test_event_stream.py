"""What one client of the events has not taken yet."""

import asyncio
import time
from datetime import UTC, datetime

from orchestrator.event_stream import Subscription, Told
from shared.models import Cursor, Event

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def told(number: int) -> Told:
    """An event."""
    event = Event(
        id=number,
        type="log",
        at=NOW,
        task_id=None,
        subtask_id=None,
        attempt=None,
        agent_id=None,
        data={},
    )
    return Told(Cursor(number, number), event)


async def test_what_is_offered_while_the_wait_ends_is_taken() -> None:
    subscription, loop = Subscription(None, room=10), asyncio.get_running_loop()
    taking = asyncio.create_task(subscription.take(0.01))
    await asyncio.sleep(0)
    loop.call_later(0.011, subscription.offer, [told(1)])
    time.sleep(0.05)  # noqa: ASYNC251 - so that both are due at once, the end of the wait first
    (one,) = await taking
    assert one.cursor == Cursor(1, 1)
    assert await subscription.take(0.01) == []


async def test_who_falls_behind_is_let_go() -> None:
    subscription = Subscription(None, room=2)
    subscription.offer([told(number) for number in range(3)])
    assert subscription.lost
    assert await subscription.take(1) == []
