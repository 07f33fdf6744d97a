"""Accepting a task: keep its files and write it down, in one transaction."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from fastapi import Request
from starlette.datastructures import UploadFile

from orchestrator.request_body import (
    Limits,
    UnsupportedContentType,
    idempotency_key,
    read_form,
    read_json,
)
from orchestrator.task_fields import TaskSubmission, validated
from shared.database.connection import Pool, transaction
from shared.database.tasks import TaskLedger
from shared.errors import DependencyUnavailable, InvalidRequest, WorkspaceError
from shared.models import ContextFile
from shared.queue import Doorbell
from shared.workspace import Workspace, safe_name

_CHUNK = 1 << 20
_OURS = ("task.json", "prerequisites")  # what agents write beside the uploads


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task that a request made, or had made before with the same key."""

    task_id: UUID
    replayed: bool


class Submissions:
    """Turns requests into accepted tasks; nothing that was answered 202 is ever lost."""

    def __init__(
        self,
        pool: Pool,
        doorbell: Doorbell,
        *,
        files: Path,
        limits: Limits,
        require_approval: bool = False,
    ) -> None:
        self._pool = pool
        self._ledger = TaskLedger(pool)
        self._doorbell = doorbell
        self._files = files
        self.limits = limits
        self.require_approval = require_approval

    async def accept(self, request: Request) -> Accepted:
        """Read, check and keep one submission."""
        key = idempotency_key(request)
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "application/json":
            return await self._keep(validated(await read_json(request), strict=True), (), key)
        if kind == "multipart/form-data":
            return await self._accept_form(request, key)
        raise UnsupportedContentType(
            f"the content type is {kind or 'missing'}",
            remedy="send application/json, or multipart/form-data with files",
        )

    async def _accept_form(self, request: Request, key: str | None) -> Accepted:
        async with read_form(request, self.limits) as (fields, uploads):
            return await self._keep(validated(fields, strict=False), uploads, key)

    async def _keep(
        self, submission: TaskSubmission, uploads: Sequence[UploadFile], key: str | None
    ) -> Accepted:
        task_id = uuid4()
        workspace = Workspace(self._files, task_id)
        committing = False
        try:
            files = await _store(workspace, uploads)
            async with transaction(self._pool) as connection:
                ledger = self._ledger.within(connection)
                accepted = await self._record(ledger, task_id, submission, files, key)
                committing = True
        except BaseException:
            # Once COMMIT was sent the ledger may have the task although we never heard so.
            if not committing:
                workspace.remove()
            raise
        if accepted.replayed:
            workspace.remove()
        else:
            await self._doorbell.ring_submission(task_id)
        return accepted

    async def _record(
        self,
        ledger: TaskLedger,
        task_id: UUID,
        submission: TaskSubmission,
        files: Sequence[ContextFile],
        key: str | None,
    ) -> Accepted:
        fingerprint = _fingerprint(submission, files)
        user = submission.user_id
        if key and not await ledger.remember_key(user, key, fingerprint, task_id):
            return await _replay(ledger, user, key, fingerprint)
        await ledger.insert(
            task_id,
            user_id=user,
            title=submission.heading,
            description=submission.description,
            priority=submission.priority,
            files=files,
            review=submission.review,
            require_approval=self._approves(submission),
        )
        return Accepted(task_id, replayed=False)

    def _approves(self, submission: TaskSubmission) -> bool:
        wish = submission.require_approval
        return self.require_approval if wish is None else wish


async def _replay(ledger: TaskLedger, user: str, key: str, fingerprint: str) -> Accepted:
    known = await ledger.recall_key(user, key)
    if known is None or known[0] != fingerprint:
        raise InvalidRequest(
            "this Idempotency-Key was used for another request",
            slug="idempotency-key-reused",
            remedy="use a new key for a new request",
        )
    return Accepted(known[1], replayed=True)


async def _store(workspace: Workspace, uploads: Sequence[UploadFile]) -> list[ContextFile]:
    """Write the uploads into the task's context under names of ours."""
    kept: list[ContextFile] = []
    try:
        if uploads:
            workspace.prepare()
        for upload in uploads:
            taken = [*(file.name for file in kept), *_OURS]
            kept.append(await _store_one(workspace.context, upload, taken))
        if uploads:
            await asyncio.to_thread(workspace.keep_context)
    except (OSError, WorkspaceError) as error:
        detail = error.detail if isinstance(error, WorkspaceError) else error.strerror
        raise DependencyUnavailable(
            f"the files cannot be kept: {detail}",
            remedy="try again later; whoever runs this looks at the disk of SHARED_FILES_DIR",
        ) from error
    return kept


async def _store_one(folder: Path, upload: UploadFile, taken: Sequence[str]) -> ContextFile:
    name = safe_name(upload.filename or "file", taken)
    digest, size = hashlib.sha256(), 0
    with (folder / name).open("xb") as target:
        while chunk := await upload.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return ContextFile(name=name, size=size, sha256=digest.hexdigest())


def _fingerprint(submission: TaskSubmission, files: Sequence[ContextFile]) -> str:
    """What makes two submissions the same request."""
    body = [submission.model_dump(mode="json"), [file.model_dump() for file in files]]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
