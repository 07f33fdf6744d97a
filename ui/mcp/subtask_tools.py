"""Tools for parts of a task: stop, retry, run again; the docstrings are for models."""

from typing import Annotated
from uuid import UUID

from mcp.types import CallToolResult
from pydantic import Field

from shared.models import RerunPreview
from ui.client import AsyncQuintetClient
from ui.mcp.answers import answered, task_answered
from ui.mcp.arguments import Edit, NewDescription, SubtaskName, TaskId
from ui.mcp.records import TaskReport
from ui.mcp.words import preview_words
from ui.subtask_names import find_subtask


class SubtaskTools:
    """What a person can ask of one subtask."""

    def __init__(self, quintet: AsyncQuintetClient) -> None:
        self._quintet = quintet

    async def cancel_subtask(
        self, task_id: TaskId, subtask: SubtaskName
    ) -> Annotated[CallToolResult, TaskReport]:
        """Stop one subtask; what depends on it is blocked, the rest of the task goes on."""
        subtask_id = await self._find(task_id, subtask)
        return task_answered(await self._quintet.cancel_subtask(task_id, subtask_id))

    async def retry_subtask(
        self,
        task_id: TaskId,
        subtask: SubtaskName,
        attempt: Annotated[int, Field(ge=0, description="The attempt that you saw, of get_task.")],
        description: NewDescription = None,
        edit: Edit = None,
    ) -> Annotated[CallToolResult, TaskReport]:
        """Run a failed or cancelled subtask again, and what it blocked; perhaps changed before.

        Refused when it has been tried again since the attempt that you saw.
        """
        subtask_id = await self._find(task_id, subtask)
        task = await self._quintet.retry(
            task_id, subtask_id, attempt=attempt, description=description, edit=edit
        )
        return task_answered(task, "Follow it with wait_for_task.")

    async def preview_rerun(
        self, task_id: TaskId, subtask: SubtaskName
    ) -> Annotated[CallToolResult, RerunPreview]:
        """What rerun would run again from a subtask on, what it would reuse; changes nothing.

        Returns `seen`, which rerun needs, and what each part has cost so far.
        """
        preview = await self._quintet.preview_rerun(task_id, await self._find(task_id, subtask))
        return answered(preview, preview_words(preview))

    async def rerun(
        self,
        task_id: TaskId,
        subtask: SubtaskName,
        seen: Annotated[str, Field(min_length=1, max_length=256, description="Of preview_rerun.")],
        description: NewDescription = None,
        edit: Edit = None,
    ) -> Annotated[CallToolResult, TaskReport]:
        """Run a subtask again with all that depends on it, even if it completed; costs money.

        Call preview_rerun first and show it to the person. Refused if things changed since.
        New results replace the old ones.
        """
        subtask_id = await self._find(task_id, subtask)
        task = await self._quintet.rerun(
            task_id, subtask_id, seen=seen, description=description, edit=edit
        )
        return task_answered(task, "Follow it with wait_for_task.")

    async def _find(self, task_id: UUID, name: str) -> UUID:
        return find_subtask(await self._quintet.task(task_id), name).id
