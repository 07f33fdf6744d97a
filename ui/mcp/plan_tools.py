"""Tools for plans: show, approve, send back, edit; the docstrings are for models."""

from typing import Annotated

from mcp.types import CallToolResult
from pydantic import Field

from shared.models import Plan, PlanVersion
from ui.client import AsyncQuintetClient
from ui.mcp.answers import answered, task_answered
from ui.mcp.arguments import PlanHash, TaskId
from ui.mcp.records import TaskReport
from ui.mcp.words import plan_words


class PlanTools:
    """A person's decision about a plan."""

    def __init__(self, quintet: AsyncQuintetClient) -> None:
        self._quintet = quintet

    async def get_plan(self, task_id: TaskId) -> Annotated[CallToolResult, PlanVersion]:
        """The current plan of a task: its subtasks, their order, and the hash of this version."""
        version = await self._quintet.plan(task_id)
        return answered(version, plan_words(version))

    async def approve_plan(
        self, task_id: TaskId, hash: PlanHash
    ) -> Annotated[CallToolResult, TaskReport]:
        """Let a plan that waits for approval run. Only when the person has seen it and agreed.

        `hash` names the version they saw; if the plan has changed since, this is refused.
        """
        task = await self._quintet.approve(task_id, hash=hash)
        return task_answered(task, "Approved. Follow it with wait_for_task.")

    async def reject_plan(
        self,
        task_id: TaskId,
        hash: PlanHash,
        feedback: Annotated[
            str,
            Field(min_length=3, max_length=5000, description="What should be different."),
        ],
    ) -> Annotated[CallToolResult, TaskReport]:
        """Send a plan back to the planner with the person's wishes; a new version is made.

        Then wait_for_task returns with the new plan.
        """
        task = await self._quintet.reject(task_id, hash=hash, feedback=feedback)
        return task_answered(task, "Sent back. wait_for_task returns with the new plan.")

    async def edit_plan(
        self, task_id: TaskId, hash: PlanHash, plan: Plan
    ) -> Annotated[CallToolResult, PlanVersion]:
        """Replace a plan that waits for approval by an edited one; nothing is approved by this.

        Take the plan of get_plan, change it, and send it whole with the hash you started from.
        Returns the new version: its hash is what approve_plan needs.
        """
        version = await self._quintet.edit_plan(task_id, plan, hash=hash)
        return answered(version, plan_words(version))
