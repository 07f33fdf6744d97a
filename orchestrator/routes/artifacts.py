"""Artifacts: the files that completed subtasks left, served from the task's workspace only."""

import os
from collections.abc import AsyncIterator
from typing import BinaryIO
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from orchestrator.routes.tasks import require
from orchestrator.services import ServicesDep
from shared.database.views import artifacts as artifacts_of
from shared.errors import NotFound, WorkspaceError
from shared.models import Artifact, Record
from shared.problems import documented
from shared.workspace import Workspace, open_inside, relative_parts

router = APIRouter(prefix="/tasks/{task_id}/artifacts", tags=["artifacts"])
_CHUNK = 1 << 18


class ArtifactList(Record):
    """Files by the subtask that made each."""

    artifacts: tuple[Artifact, ...]


@router.get("", responses=documented(404, 422, 503))
async def list_artifacts(task_id: UUID, services: ServicesDep) -> ArtifactList:
    """Every artifact of the task's current results."""
    await require(services, task_id)
    return ArtifactList(artifacts=tuple(artifacts_of(await services.views.results(task_id))))


@router.get(
    "/{path:path}",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}},
        **documented(404, 422, 503),
    },
)
async def download(task_id: UUID, path: str, services: ServicesDep) -> StreamingResponse:
    """One file. `path` is as listed: the subtask's key, then the file's own path."""
    await require(services, task_id)
    missing = NotFound("there is no such artifact", remedy="look at the list of artifacts")
    try:
        key, *rest = relative_parts(path)
    except WorkspaceError as error:
        raise missing from error
    row = await services.views.artifact(task_id, key, "/".join(rest)) if rest else None
    if row is None:
        raise missing
    folder = Workspace(services.files, task_id).files_of(row["subtask_id"], row["attempt"])
    try:
        file = os.fdopen(open_inside(folder, row["path"]), "rb")
    except (WorkspaceError, OSError) as error:
        raise NotFound(
            "the ledger knows this artifact, but its file is gone",
            slug="artifact-gone",
            remedy="retry the subtask that made it",
        ) from error
    name = quote(row["path"].rsplit("/", 1)[-1])
    return StreamingResponse(
        _read(file),
        media_type="application/octet-stream",
        headers={
            "Content-Length": str(os.fstat(file.fileno()).st_size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "X-Content-Type-Options": "nosniff",
            "ETag": f'"{row["sha256"]}"',
        },
    )


async def _read(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK):
            yield chunk
