"""An agent that executes one subtask by name and exits; nobody else can take it."""

import asyncio
import subprocess
import sys
from uuid import UUID, uuid4

from shared.states import SubtaskStatus, TaskStatus
from tests.e2e.following import first_running, picture, the_end, until
from tests.e2e.stack_world import RARE_PAIR, ROOT, Stack
from ui.client import AsyncQuintetClient

ONE_SHOT_SECONDS = 90
GUEST = "guest-agent"
SLOW = "Write a one-line haiku about a guest into a file. [[simulate: slow 30]]"


def one_shot(
    stack: Stack, subtask_id: UUID, *, agent_id: str = GUEST
) -> subprocess.CompletedProcess[str]:
    environment = stack.agent_environment(agent_id, "archivist", 0)
    return subprocess.run(
        (sys.executable, "-m", "agent", "--one-shot", "--subtask-id", str(subtask_id)),
        cwd=ROOT,
        env={**stack.basis, **environment, "AGENT_CAPABILITIES": ",".join(RARE_PAIR)},
        capture_output=True,
        text=True,
        timeout=ONE_SHOT_SECONDS,
        check=False,
    )


async def test_one_subtask_is_executed_once(stack: Stack, quintet: AsyncQuintetClient) -> None:
    task_id = (await quintet.submit("Please do the rare pair for us.")).id
    task = await until(quintet, task_id, lambda task: bool(task.subtasks))
    (subtask,) = task.subtasks
    task = await until(
        quintet, task_id, lambda task: task.subtasks[0].status is SubtaskStatus.QUEUED
    )
    assert task.subtasks[0].waiting is not None

    done = one_shot(stack, subtask.id)
    assert done.returncode == 0, done.stderr
    assert f"completed: {subtask.id}" in done.stderr
    task = await the_end(quintet, task_id)
    assert task.status is TaskStatus.COMPLETED, picture(task)
    assert (task.subtasks[0].agent_id, task.subtasks[0].attempt) == (GUEST, 1)
    (note,) = task.artifacts
    assert await quintet.artifact(task_id, note.path) == b"a guest was here\n"

    again = one_shot(stack, subtask.id)
    assert again.returncode == 1
    assert "not executed" in again.stderr


async def test_an_unknown_subtask_is_refused(stack: Stack) -> None:
    done = one_shot(stack, uuid4())
    assert done.returncode == 1
    assert "cannot be claimed" in done.stderr


async def test_a_guest_leaves_the_work_of_an_agent_of_its_name_alone(
    stack: Stack, quintet: AsyncQuintetClient
) -> None:
    task_id = (await quintet.submit(SLOW)).id
    subtask = await first_running(quintet, task_id)
    assert subtask.agent_id is not None
    await until(quintet, task_id, lambda _: bool(stack.attempt_processes(subtask)))
    working = set(stack.attempt_processes(subtask))
    done = await asyncio.to_thread(one_shot, stack, uuid4(), agent_id=subtask.agent_id)
    assert "cannot be claimed" in done.stderr
    assert working & set(stack.attempt_processes(subtask))
    task = (await quintet.task(task_id)).task
    assert (task.subtasks[0].status, task.subtasks[0].attempt) == (SubtaskStatus.RUNNING, 1)
    await quintet.cancel(task_id)
    await the_end(quintet, task_id)
