"""An agent that executes one subtask by name and exits; nobody else can take it."""

import subprocess
import sys
from uuid import UUID, uuid4

from shared.states import SubtaskStatus, TaskStatus
from tests.e2e.following import picture, the_end, until
from tests.e2e.stack_world import RARE_PAIR, ROOT, Stack
from ui.client import AsyncQuintetClient

ONE_SHOT_SECONDS = 90
GUEST = "guest-agent"


def one_shot(stack: Stack, subtask_id: UUID) -> subprocess.CompletedProcess[str]:
    environment = stack.agent_environment(GUEST, "archivist", 0)
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
