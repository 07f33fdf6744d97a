"""How tasks end when something goes wrong: a failure, a hand on the brake, a dead agent, a wipe."""

import asyncio
from time import monotonic
from urllib.parse import urlsplit

import pytest

from shared.errors import Conflict
from shared.models import SubtaskView, TaskView
from shared.states import AttemptOutcome, FailureKind, SubtaskStatus, TaskStatus
from tests.e2e.following import by_key, first_running, picture, the_end, until
from tests.e2e.stack_world import ModelRequests, Stack
from ui.client import AsyncQuintetClient

CANCEL_SECONDS = 15.0
SLOW = "Write a one-line haiku about five players. [[simulate: slow 5]]"
SOMEWHAT_SLOW = "Write a one-line haiku about five players. [[simulate: slow 2]]"


def statuses(task: TaskView) -> dict[str, SubtaskStatus]:
    return {key: subtask.status for key, subtask in by_key(task).items()}


async def test_a_broken_branch_stops_only_what_needs_it(quintet: AsyncQuintetClient) -> None:
    task_id = (await quintet.submit("Do the broken branch, please.")).id
    task = await the_end(quintet, task_id)
    expected = {
        "orders": SubtaskStatus.COMPLETED,
        "stock": SubtaskStatus.FAILED,
        "list": SubtaskStatus.COMPLETED,
        "compare": SubtaskStatus.BLOCKED,
        "reorder": SubtaskStatus.BLOCKED,
    }
    assert statuses(task) == expected
    assert task.status is TaskStatus.FAILED
    assert task.partial
    assert task.answer is not None
    stock = by_key(task)["stock"]
    assert stock.failure_kind is FailureKind.BUSINESS
    assert "stock.csv" in (stock.error or "")
    assert [artifact.name for artifact in task.artifacts] == ["orders.csv"]

    await quintet.retry(task_id, stock.id, attempt=stock.attempt)
    task = await until(quintet, task_id, lambda task: by_key(task)["stock"].attempt == 2)
    task = await the_end(quintet, task_id)
    assert statuses(task) == expected, "the stock list is still missing"
    assert task.status is TaskStatus.FAILED
    with pytest.raises(Conflict):
        await quintet.retry(task_id, stock.id, attempt=stock.attempt)


async def test_a_retry_completes_what_failed_once(quintet: AsyncQuintetClient) -> None:
    request = "Write a one-line haiku about a second chance. [[simulate: fail write x1]]"
    task_id = (await quintet.submit(request)).id
    task = await the_end(quintet, task_id)
    assert task.status is TaskStatus.FAILED, picture(task)
    failed = by_key(task)["write"]
    assert (failed.status, failed.attempt) == (SubtaskStatus.FAILED, 1)

    await quintet.retry(task_id, failed.id, attempt=1)
    task = await until(quintet, task_id, lambda task: task.status is TaskStatus.COMPLETED)
    assert by_key(task)["write"].attempt == 2
    assert not task.partial
    assert [artifact.name for artifact in task.artifacts] == ["haiku.txt"]
    outcomes = [attempt.outcome for attempt in await quintet.attempts(task_id)]
    assert outcomes == [AttemptOutcome.FAILED, AttemptOutcome.COMPLETED]


async def test_a_cancel_ends_every_process(
    stack: Stack, quintet: AsyncQuintetClient, model: ModelRequests
) -> None:
    task_id = (await quintet.submit(SLOW)).id
    subtask = await first_running(quintet, task_id)
    await _until_at_work(stack, model, subtask)
    await quintet.cancel(task_id)
    task = await the_end(quintet, task_id, within=CANCEL_SECONDS)
    assert task.status is TaskStatus.CANCELLED
    assert statuses(task) == {subtask.key: SubtaskStatus.CANCELLED}
    assert stack.attempt_processes(subtask) == []
    with pytest.raises(Conflict):
        await quintet.cancel(task_id)


async def test_an_agent_killed_at_work_costs_one_attempt(
    stack: Stack, quintet: AsyncQuintetClient, model: ModelRequests
) -> None:
    task_id = (await quintet.submit(SOMEWHAT_SLOW)).id
    subtask = await first_running(quintet, task_id)
    await _until_at_work(stack, model, subtask)
    assert subtask.agent_id is not None
    agent = stack.services[subtask.agent_id]
    agent.kill()
    try:
        task = await the_end(quintet, task_id)
    finally:  # as a supervisor would
        stack.start(agent.name)
    assert task.status is TaskStatus.COMPLETED, picture(task)
    assert stack.attempt_processes(subtask) == []
    first, *_, last = await quintet.attempts(task_id)
    assert first.outcome is AttemptOutcome.LOST
    assert last.outcome is AttemptOutcome.COMPLETED
    assert by_key(task)[subtask.key].losses >= 1


async def test_an_emptied_redis_costs_nothing_but_time(
    stack: Stack, quintet: AsyncQuintetClient
) -> None:
    request = "Take notes of the meeting. Then file them. Then write a letter about the result."
    task_id = (await quintet.submit(request)).id
    await until(quintet, task_id, lambda task: task.progress.running > 0)
    await _flush(stack.redis_url)
    await until(quintet, task_id, lambda task: task.progress.completed > 0)
    await _flush(stack.redis_url)
    task = await the_end(quintet, task_id)
    assert task.status is TaskStatus.COMPLETED, picture(task)
    assert task.progress.completed == task.progress.total == 3


@pytest.mark.parametrize("kind", ["rate_limit", "overloaded", "cut_stream"])
async def test_a_model_in_trouble_delays_and_does_not_fail(
    kind: str, quintet: AsyncQuintetClient, model: ModelRequests
) -> None:
    for caller in ("planner", "agent", "aggregator"):
        await model.fault(kind, caller=caller, retry_after=0.5)
    task_id = (await quintet.submit("Write a one-line haiku about patience.")).id
    task = await the_end(quintet, task_id)
    assert await model.faults_left() == [], "every caller met its fault"
    assert task.status is TaskStatus.COMPLETED, picture(task)
    assert task.subtasks[0].attempt == 1, "the attempt itself outlived the fault"


async def _until_at_work(stack: Stack, model: ModelRequests, subtask: SubtaskView) -> None:
    """Wait until the attempt's own processes are there and have asked the model for a turn."""
    deadline = monotonic() + 60
    while not await model.bodies_about(str(subtask.id)):
        assert monotonic() < deadline, "the attempt never asked the model"
        await asyncio.sleep(0.1)
    assert await asyncio.to_thread(stack.attempt_processes, subtask)


async def _flush(redis_url: str) -> None:
    address = urlsplit(redis_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"FLUSHALL SYNC\r\n")
    assert await asyncio.wait_for(reader.readline(), 10) == b"+OK\r\n"
    writer.close()
    await writer.wait_closed()
