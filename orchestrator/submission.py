"""Accepting a task: read the body within its limits, keep the files, write one transaction."""

import hashlib
import json
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Request
from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from orchestrator.plan import has_control_characters
from shared.database.connection import Pool, transaction
from shared.database.tasks import TaskLedger
from shared.errors import (
    DependencyUnavailable,
    InvalidRequest,
    RequestError,
    TooLarge,
    WorkspaceError,
)
from shared.models import ContextFile, Record
from shared.problems import bounded, field_errors
from shared.queue import Doorbell
from shared.workspace import Workspace, safe_name

MAX_JSON_BYTES = 1 << 20
_CHUNK = 1 << 20
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_OURS = ("task.json", "prerequisites")  # what agents write beside the uploads


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


# What `has_control_characters` refuses, as a character class of JSON Schema.
_CONTROL = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069"
)


@dataclass(frozen=True, slots=True)
class Prose:
    """Text for people: at most `most` characters, at least `least` within the space around it."""

    least: int
    most: int

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        trimmed = core_schema.str_schema(strip_whitespace=True, min_length=self.least)
        return core_schema.no_info_before_validator_function(self._check, trimmed)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        some, ink = f"[^{_CONTROL}]", rf"[^{_CONTROL}\s]"
        core = f"{ink}{some}{{{self.least - 2},}}{ink}" if self.least > 1 else ink * self.least
        return {
            "type": "string",
            "minLength": self.least,
            "maxLength": self.most,
            "pattern": f"^{some}*{core}{some}*$" if core else f"^{some}*$",
        }

    def _check(self, value: Any) -> Any:
        if isinstance(value, str):
            if len(value) > self.most:
                raise PydanticKnownError("string_too_long", {"max_length": self.most})
            if has_control_characters(value):
                raise PydanticCustomError(
                    "control_characters",
                    "Must not contain control or direction-changing characters",
                )
        return value


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class TaskSubmission(Record):
    """What a person asks for. Priority 5 is usual, 7 and more is urgent."""

    description: Annotated[str, Prose(10, 5_000)]
    user_id: Annotated[str, Prose(1, 128)] = "anonymous"
    title: Annotated[str, Prose(0, 200)] | None = None
    priority: Whole = Field(default=5, ge=0, le=10)

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
            return await self._keep(_validated(await _read_json(request), strict=True), (), key)
        if kind == "multipart/form-data":
            return await self._accept_form(request, key)
        raise UnsupportedContentType(
            f"the content type is {kind or 'missing'}",
            remedy="send application/json, or multipart/form-data with files",
        )

    async def _accept_form(self, request: Request, key: str | None) -> Accepted:
        limit = self._limits.upload_bytes + MAX_JSON_BYTES
        within = Request(request.scope, bounded(request, limit, self._files_too_large()))
        try:
            form = await _read_form(within, max_files=self._limits.files)
        except (MultiPartException, UnicodeError) as error:
            raise self._form_error(str(getattr(error, "message", error))) from error
        try:
            fields, uploads = _parts(form)
            submission = _validated(fields, strict=False)
            if sum(upload.size or 0 for upload in uploads) > self._limits.upload_bytes:
                raise self._files_too_large()
            return await self._keep(submission, uploads, key)
        finally:
            await form.close()

    def _form_error(self, detail: str) -> RequestError:
        if detail.startswith("Too many files"):
            return InvalidRequest(
                f"more than {self._limits.files} files",
                slug="too-many-files",
                remedy=f"send at most {self._limits.files} files, or pack them into one",
            )
        if detail.startswith("Part exceeded"):
            return _body_too_large()
        return MalformedBody(detail, remedy="send a well-formed multipart/form-data body")

    def _files_too_large(self) -> TooLarge:
        size = _size(self._limits.upload_bytes)
        return TooLarge(
            f"the files hold more than {size}",
            slug="files-too-large",
            remedy=f"send at most {size} in all",
        )

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
                accepted = await _record(ledger, task_id, submission, files, key)
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
    )
    return Accepted(task_id, replayed=False)


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
    body = await Request(request.scope, bounded(request, MAX_JSON_BYTES, _body_too_large())).body()
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(
            "the body is not well-formed JSON", slug="malformed-json", remedy="check its syntax"
        ) from error


class _WholeForm(MultiPartParser):
    """A form that knows whether its last boundary came; without it a file may be missing."""

    whole = False

    def on_end(self) -> None:
        self.whole = True


async def _read_form(request: Request, *, max_files: int) -> FormData:
    """The form, its files spooled to disk; the caller closes it."""

    async def body() -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not parser.whole:  # raised within parse(), which then closes what it has opened
            raise MultiPartException("The body ends before its last boundary.")

    parser = _WholeForm(request.headers, body(), max_files=max_files, max_fields=20)
    return await parser.parse()


def _body_too_large() -> TooLarge:
    size = _size(MAX_JSON_BYTES)
    return TooLarge(
        f"the request's text is longer than {size}",
        slug="body-too-large",
        remedy="send long material as files of a multipart/form-data body",
    )


def _size(limit: int) -> str:
    return f"{limit / (1 << 20):.4g} MB"


def _parts(form: FormData) -> tuple[dict[str, str], list[UploadFile]]:
    """The fields and files of a form; each field once, files as `files` only."""
    fields: dict[str, str] = {}
    uploads: list[UploadFile] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name == "files":
            if value.filename or value.size:  # a browser sends an empty part for no file
                uploads.append(value)
        elif isinstance(value, UploadFile):
            raise _stray(f"a file was sent as {name[:100]}", "unknown-field")
        elif name == "files":
            raise _stray("a part `files` has no file name", "not-a-file")
        elif name in fields:
            raise _stray(f"{name[:100]} was sent more than once", "repeated-field")
        else:
            fields[name] = value
    return fields, uploads


def _stray(detail: str, slug: str) -> InvalidRequest:
    return InvalidRequest(
        detail, slug=slug, remedy="send each field once, and files in the field `files`"
    )


_SLUGS = {
    ("description", "string_too_short"): "description-too-short",
    ("description", "string_too_long"): "description-too-long",
    ("description", "missing"): "description-missing",
    ("priority", "greater_than_equal"): "priority-out-of-range",
    ("priority", "less_than_equal"): "priority-out-of-range",
}
_SLUGS_OF_ANY = {
    "control_characters": "control-characters",
    "extra_forbidden": "unknown-field",
    "model_type": "not-an-object",
}


def _validated(fields: Any, *, strict: bool) -> TaskSubmission:
    """The submission; JSON is taken as it is (`strict`), a form's text is read as what it means."""
    try:
        return TaskSubmission.model_validate(fields, strict=strict)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        found = field_errors(details)
        kind, place = details[0]["type"], details[0]["loc"]
        slug = _SLUGS_OF_ANY.get(kind) or _SLUGS.get((str(place[0]) if place else "", kind), "")
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
