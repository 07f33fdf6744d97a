"""Reading a submission's body within its limits, as JSON or as a form with files."""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from shared.errors import InvalidRequest, RequestError, TooLarge
from shared.problems import bounded

MAX_JSON_BYTES = 1 << 20
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many files, and how many bytes in all."""

    files: int
    upload_bytes: int


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


def idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise BadIdempotencyKey(
            "it must be 1 to 255 visible ASCII characters", remedy="use a uuid, for example"
        )
    return key


async def read_json(request: Request) -> Any:
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


async def _parse(request: Request, *, max_files: int) -> FormData:
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


@asynccontextmanager
async def read_form(
    request: Request, limits: Limits
) -> AsyncIterator[tuple[dict[str, str], list[UploadFile]]]:
    """Fields and files of a form; the files live as long as the block."""
    limit = limits.upload_bytes + MAX_JSON_BYTES
    within = Request(request.scope, bounded(request, limit, _files_too_large(limits)))
    try:
        form = await _parse(within, max_files=limits.files)
    except (MultiPartException, UnicodeError) as error:
        raise _form_error(str(getattr(error, "message", error)), limits) from error
    try:
        fields, uploads = _parts(form)
        if sum(upload.size or 0 for upload in uploads) > limits.upload_bytes:
            raise _files_too_large(limits)
        yield fields, uploads
    finally:
        await form.close()


def _form_error(detail: str, limits: Limits) -> RequestError:
    if detail.startswith("Too many files"):
        return InvalidRequest(
            f"more than {limits.files} files",
            slug="too-many-files",
            remedy=f"send at most {limits.files} files, or pack them into one",
        )
    if detail.startswith("Part exceeded"):
        return _body_too_large()
    return MalformedBody(detail, remedy="send a well-formed multipart/form-data body")


def _files_too_large(limits: Limits) -> TooLarge:
    size = _size(limits.upload_bytes)
    return TooLarge(
        f"the files hold more than {size}",
        slug="files-too-large",
        remedy=f"send at most {size} in all",
    )
