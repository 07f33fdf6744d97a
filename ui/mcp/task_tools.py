"""Tools for whole tasks: hand in, follow, find, stop; the docstrings are for models."""

from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult
from pydantic import Field

from shared.models import (
    MAX_DESCRIPTION,
    MAX_TITLE,
    MAX_USER,
    MIN_DESCRIPTION,
    PlanVersion,
    Running,
    TaskPage,
    TaskView,
)
from shared.states import TaskStatus
from ui.client import AsyncQuintetClient
from ui.mcp.answers import answer_of, answered, task_answered
from ui.mcp.arguments import TaskId
from ui.mcp.files import MAX_INLINE_FILES, uploads
from ui.mcp.records import InlineFile, Reason, TaskReport, WaitReport, task_report
from ui.mcp.waiting import wait
from ui.mcp.words import advice, page_words, plan_words, task_words

MAX_WAIT = 45.0  # many clients give a call a minute

_Description = Annotated[
    str,
    Field(
        min_length=MIN_DESCRIPTION,
        max_length=MAX_DESCRIPTION,
        description="What is wanted, with everything the agents need to know.",
    ),
]


class TaskTools:
    """Whole tasks; `user` is whose they are when a call does not say."""

    def __init__(self, quintet: AsyncQuintetClient, user: str | None) -> None:
        self._quintet = quintet
        self._user = user

    async def submit_task(
        self,
        description: _Description,
        title: Annotated[str | None, Field(max_length=MAX_TITLE)] = None,
        priority: Annotated[int, Field(ge=0, le=10, description="10 is the most urgent.")] = 5,
        require_approval: Annotated[
            bool | None,
            Field(description="Stop after planning until the plan is approved."),
        ] = None,
        user_id: Annotated[str | None, Field(max_length=MAX_USER)] = None,
        files: Annotated[
            tuple[InlineFile, ...], Field(max_length=MAX_INLINE_FILES, description="2 MB in all.")
        ] = (),
        idempotency_key: Annotated[
            str | None,
            Field(
                pattern="^[!-~]{1,255}$",
                description="Calls with the same key make one task: use one when you may repeat.",
            ),
        ] = None,
    ) -> Annotated[CallToolResult, TaskReport]:
        """Hand a task to Quintet: it is split into subtasks that a team of agents works on.

        Use it for work that takes minutes: research, data analysis, code with tests, files.
        It returns at once with the task's id and status. Then call wait_for_task.
        With require_approval=true nothing runs until the person has agreed to the plan.
        """
        task = await self._quintet.submit(
            description,
            title=title,
            priority=priority,
            require_approval=require_approval,
            user_id=user_id or self._user,
            files=uploads(files),
            idempotency_key=idempotency_key,
        )
        return task_answered(task, "Follow it with wait_for_task.")

    async def wait_for_task(
        self,
        task_id: TaskId,
        context: Context[Any, Any],
        seconds: Annotated[float, Field(ge=0, le=MAX_WAIT, description="How long at most.")] = 40,
    ) -> Annotated[CallToolResult, WaitReport]:
        """Wait until a task has ended, needs approval or is paused, at most `seconds`.

        `reason` says which: ended (with the answer), needs_approval (with the plan and its hash:
        show it to the person, never approve on your own), paused, or time_is_up (call again).
        Reports progress meanwhile.
        """

        async def tell(elapsed: float, words: str) -> None:
            await context.report_progress(elapsed, seconds, words)

        reason, task = await wait(self._quintet, task_id, seconds, tell)
        plan = await self._quintet.plan(task_id) if reason == "needs_approval" else None
        return _waited(reason, task, plan)

    async def get_task(self, task_id: TaskId) -> Annotated[CallToolResult, TaskReport]:
        """A task as it stands: status, each subtask with why it waits or failed, cost, answer.

        Returns at once. Subtask keys and attempt numbers are what the other tools ask for.
        `simulated` says that no real model is behind it.
        """
        return task_answered((await self._quintet.task(task_id)).task)

    async def list_tasks(
        self,
        status: TaskStatus | None = None,
        text: Annotated[
            str | None, Field(max_length=200, description="Only tasks that contain this.")
        ] = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: Annotated[
            str | None, Field(max_length=200, description="next_cursor of the page before.")
        ] = None,
    ) -> Annotated[CallToolResult, TaskPage]:
        """Find tasks, newest first, a page at a time: id, title, status, progress of each."""
        page = await self._quintet.tasks(status=status, text=text, limit=limit, cursor=cursor)
        return answered(page, page_words(page))

    async def pause_task(
        self,
        task_id: TaskId,
        running: Annotated[
            Running, Field(description="finish: let running subtasks end; release: stop them now.")
        ] = "finish",
    ) -> Annotated[CallToolResult, TaskReport]:
        """Start nothing more of a task until resume_task; returns the task."""
        return task_answered(await self._quintet.pause(task_id, running=running))

    async def resume_task(self, task_id: TaskId) -> Annotated[CallToolResult, TaskReport]:
        """Let a paused task go on; returns the task."""
        return task_answered(await self._quintet.resume(task_id))

    async def cancel_task(self, task_id: TaskId) -> Annotated[CallToolResult, TaskReport]:
        """Stop a task for good, with everything that runs of it; it cannot be resumed.

        It ends a moment later: wait_for_task tells when.
        """
        return task_answered(await self._quintet.cancel(task_id))


def _waited(reason: Reason, task: TaskView, plan: PlanVersion | None) -> CallToolResult:
    report = task_report(task)
    what_now = advice(reason, report)
    whole = WaitReport(reason=reason, advice=what_now, task=report, plan=plan)
    shown = plan_words(plan) if plan else answer_of(report)
    return answered(whole, task_words(report, what_now), shown)
