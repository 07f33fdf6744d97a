"""Accepting a task: read the body within its limits, keep the files, write one transaction."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Request
from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.types import Message, Receive

from orchestrator.plan import has_control_characters
from shared.database.connection import Pool, transaction
from shared.database.tasks import TaskLedger
from shared.errors import InvalidRequest, RequestError, TooLarge, WorkspaceError
from shared.models import ContextFile, Record
from shared.problems import field_errors
from shared.queue import Doorbell
from shared.workspace import Workspace, safe_name

MAX_JSON_BYTES = 1 << 20
_CHUNK = 1 << 20
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class MalformedBody(RequestError):
    """The body is not what its content type says."""

    slug = "malformed-body"
    title = "The body cannot be read"


class UnsupportedContentType(RequestError):
    """Neither JSON nor a form."""

    status = 415
    slug = "unsupported-content-type"
    title = "This content type is not understood"


class BadIdempotencyKey(RequestError):
    """Empty, too long or not plain ASCII."""

    slug = "bad-idempotency-key"
    title = "The Idempotency-Key is not valid"


def _printable(text: str) -> str:
    if has_control_characters(text):
        raise ValueError("must not contain control characters")
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(_printable)]


class TaskSubmission(Record):
    """What a person asks for. Priority 5 is usual, 7 and more is urgent."""

    description: Annotated[Text, Field(min_length=10, max_length=5_000)]
    user_id: Annotated[Text, Field(min_length=1, max_length=128)] = "anonymous"
    title: Annotated[Text, Field(max_length=200)] | None = None
    priority: int = Field(default=5, ge=0, le=10)

    @property
    def heading(self) -> str:
        """The title, or the beginning of the description."""
        if self.title:
            return self.title
        line = self.description.split("\n", 1)[0]
        return line if len(line) <= 80 else f"{line[:79].rsplit(' ', 1)[0]}…"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many files, and how many bytes in all."""

    files: int
    upload_bytes: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task that a request made, or had made before with the same key."""

    task_id: UUID
    replayed: bool


class Submissions:
    """Turns requests into accepted tasks; nothing that was answered 202 is ever lost."""

    def __init__(self, pool: Pool, doorbell: Doorbell, *, files: Path, limits: Limits) -> None:
        self._pool = pool
        self._ledger = TaskLedger(pool)
        self._doorbell = doorbell
        self._files = files
        self._limits = limits

    async def accept(self, request: Request) -> Accepted:
        """Read, check and keep one submission."""
        key = _idempotency_key(request)
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind == "application/json":
            return await self._keep(_validated(await _read_json(request)), (), key)
        if kind == "multipart/form-data":
            return await self._accept_form(request, key)
        raise UnsupportedContentType(
            f"the content type is {kind or 'missing'}",
            remedy="send application/json, or multipart/form-data with files",
        )

    async def _accept_form(self, request: Request, key: str | None) -> Accepted:
        limit = self._limits.upload_bytes + MAX_JSON_BYTES
        bounded = Request(request.scope, _bounded(request, limit))
        try:
            async with bounded.form(max_files=self._limits.files, max_fields=20) as form:
                fields = {name: value for name, value in form.multi_items() if name != "files"}
                uploads = [item for item in form.getlist("files") if not isinstance(item, str)]
                submission = _validated(_form_fields(fields))
                self._check_sizes(uploads)
                return await self._keep(submission, uploads, key)
        except (MultiPartException, HTTPException) as error:
            raise self._form_error(error) from error

    def _form_error(self, error: Exception) -> RequestError:
        detail = str(getattr(error, "detail", getattr(error, "message", error)))
        if detail.startswith("Too many files"):
            return InvalidRequest(
                f"more than {self._limits.files} files",
                slug="too-many-files",
                remedy=f"send at most {self._limits.files} files, or pack them into one",
            )
        return MalformedBody(detail, remedy="send a well-formed multipart/form-data body")

    def _check_sizes(self, uploads: Sequence[UploadFile]) -> None:
        total = sum(upload.size or 0 for upload in uploads)
        if total > self._limits.upload_bytes:
            raise _too_large(self._limits.upload_bytes)

    async def _keep(
        self, submission: TaskSubmission, uploads: Sequence[UploadFile], key: str | None
    ) -> Accepted:
        task_id = uuid4()
        workspace = Workspace(self._files, task_id)
        try:
            files = await _store(workspace, uploads)
            accepted = await self._record(task_id, submission, files, key)
        except BaseException:
            workspace.remove()
            raise
        if accepted.replayed:
            workspace.remove()
        else:
            await self._doorbell.ring_submission(task_id)
        return accepted

    async def _record(
        self,
        task_id: UUID,
        submission: TaskSubmission,
        files: Sequence[ContextFile],
        key: str | None,
    ) -> Accepted:
        fingerprint = _fingerprint(submission, files)
        async with transaction(self._pool) as connection:
            ledger = self._ledger.within(connection)
            user = submission.user_id
            if key and not await ledger.remember_key(user, key, fingerprint, task_id):
                return await self._replay(ledger, user, key, fingerprint)
            await ledger.insert(
                task_id,
                user_id=user,
                title=submission.heading,
                description=submission.description,
                priority=submission.priority,
                files=files,
            )
        return Accepted(task_id, replayed=False)

    async def _replay(self, ledger: TaskLedger, user: str, key: str, fingerprint: str) -> Accepted:
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
    if not uploads:
        return []
    workspace.prepare()
    kept: list[ContextFile] = []
    for upload in uploads:
        name = safe_name(upload.filename or "file", [*(file.name for file in kept), "task.json"])
        digest, size = hashlib.sha256(), 0
        try:
            with (workspace.context / name).open("xb") as target:
                while chunk := await upload.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    target.write(chunk)
        except OSError as error:
            raise WorkspaceError(f"cannot keep {name}: {error.strerror}") from error
        kept.append(ContextFile(name=name, size=size, sha256=digest.hexdigest()))
    return kept


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise BadIdempotencyKey(
            "it must be 1 to 255 visible ASCII characters", remedy="use a uuid, for example"
        )
    return key


async def _read_json(request: Request) -> Any:
    body = await Request(request.scope, _bounded(request, MAX_JSON_BYTES)).body()
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(
            "the body is not well-formed JSON", slug="malformed-json", remedy="check its syntax"
        ) from error


def _bounded(request: Request, limit: int) -> Receive:
    """The request's body, refused as soon as it grows over the limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large(limit)
        return message

    return receive


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the request holds more than {limit // (1 << 20)} MB",
        slug="files-too-large",
        remedy=f"send at most {limit // (1 << 20)} MB in all",
    )


def _form_fields(fields: dict[str, Any]) -> dict[str, Any]:
    strays = [name for name, value in fields.items() if not isinstance(value, str)]
    if strays:
        raise InvalidRequest(
            f"a file was sent as {', '.join(sorted(strays))}",
            slug="unknown-field",
            remedy="send files in the field `files`",
        )
    return fields


_SLUGS = {
    ("description", "string_too_short"): "description-too-short",
    ("description", "string_too_long"): "description-too-long",
    ("description", "missing"): "description-missing",
}


def _validated(fields: Any) -> TaskSubmission:
    try:
        return TaskSubmission.model_validate(fields)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        found = field_errors(details)
        first = details[0]
        slug = _SLUGS.get((str(first["loc"][0]) if first["loc"] else "", first["type"]), "")
        if first["type"] == "extra_forbidden":
            slug = "unknown-field"
        raise InvalidRequest(
            "; ".join(f"{item['field']}: {item['message']}" for item in found),
            slug=slug,
            remedy="mend the fields named and send it again",
            errors=found,
        ) from error


def _fingerprint(submission: TaskSubmission, files: Sequence[ContextFile]) -> str:
    """What makes two submissions the same request."""
    body = [submission.model_dump(mode="json"), [file.model_dump() for file in files]]
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
