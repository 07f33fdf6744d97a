"""Tools and resources for what a task left: files and logs; the docstrings are for models."""

from typing import Annotated
from uuid import UUID

from mcp.types import CallToolResult
from pydantic import Field

from shared.errors import NotFound
from shared.models import Artifact
from ui.client import AsyncQuintetClient
from ui.mcp.answers import answered
from ui.mcp.arguments import SubtaskName, TaskId
from ui.mcp.files import reading, require_readable
from ui.mcp.records import ArtifactReport, LogReport, log_report
from ui.mcp.words import FOREIGN, artifacts_words, log_words, task_document
from ui.subtask_names import find_subtask

MOST_CHARACTERS = 60_000

_Path = Annotated[
    str, Field(min_length=1, max_length=4096, description="Path, as list_artifacts gave it.")
]


class ResultTools:
    """Reading only."""

    def __init__(self, quintet: AsyncQuintetClient) -> None:
        self._quintet = quintet

    async def list_artifacts(self, task_id: TaskId) -> Annotated[CallToolResult, ArtifactReport]:
        """The files that a task's completed subtasks left: path, type, size, who made it."""
        artifacts = await self._quintet.artifacts(task_id)
        return answered(ArtifactReport(artifacts=artifacts), artifacts_words(artifacts))

    async def read_artifact(
        self,
        task_id: TaskId,
        path: _Path,
        offset: Annotated[int, Field(ge=0, description="Where to begin, in characters.")] = 0,
        limit: Annotated[int, Field(ge=1, le=MOST_CHARACTERS)] = 20_000,
    ) -> CallToolResult:
        """Read one file of a task: text from `offset` on, a picture as a picture.

        Of any other file it returns a link to the resource that has its bytes.
        """
        artifact = await self._find(task_id, path)
        content = await self._quintet.artifact(task_id, artifact.path)
        blocks = reading(task_id, artifact, content, offset=offset, limit=limit)
        return CallToolResult(content=blocks)

    async def get_log(
        self,
        task_id: TaskId,
        subtask: SubtaskName | None = None,
        after: Annotated[int, Field(ge=0, description="next_after of the call before.")] = 0,
        limit: Annotated[int, Field(ge=1, le=500)] = 100,
    ) -> Annotated[CallToolResult, LogReport]:
        """What the agents said and did, in order; of one subtask or of the whole task.

        Use it to see why something failed. Go on with after=next_after until nothing is new.
        """
        chosen = find_subtask(await self._quintet.task(task_id), subtask).id if subtask else None
        page = await self._quintet.logs(task_id, after=after, limit=limit, subtask_id=chosen)
        report = log_report(page)
        said = f"{len(report.lines)} lines; go on with after={report.next_after}. {FOREIGN}"
        return answered(report, said, log_words(report))

    async def task_resource(self, task_id: UUID) -> str:
        """A task's answer, with the evidence for each part, as Markdown."""
        return task_document((await self._quintet.task(task_id)).task)

    async def artifact_resource(self, task_id: UUID, path: str) -> bytes:
        """The bytes of a file that a task left."""
        artifact = await self._find(task_id, path)
        return await self._quintet.artifact(task_id, artifact.path)

    async def _find(self, task_id: UUID, path: str) -> Artifact:
        for artifact in await self._quintet.artifacts(task_id):
            if artifact.path == path:
                require_readable(artifact)
                return artifact
        raise NotFound(f"The task has no artifact {path!r}.")
