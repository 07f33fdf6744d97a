"""Reading a submission's body within its limits, as JSON or as a form with files."""

import json
import math
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, Headers, UploadFile
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


class _Form(MultiPartParser):
    """A form that keeps our limits, and knows whether its last boundary came."""

    def __init__(
        self, headers: Headers, stream: AsyncGenerator[bytes, None], *, max_files: int
    ) -> None:
        super().__init__(
            headers, stream, max_files=math.inf, max_fields=20, max_part_size=sys.maxsize
        )
        self.whole = False  # without the last boundary a file may be missing
        self._most_files = max_files
        self._files = 0
        self._text_bytes = 0

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        self._text_bytes = 0
        if self._current_part.file is not None:
            self._files += 1
            if self._files > self._most_files:
                raise _too_many_files(self._most_files)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._text_bytes += end - start
            if self._text_bytes > MAX_JSON_BYTES:
                raise _body_too_large()
        super().on_part_data(data, start, end)

    def on_end(self) -> None:
        self.whole = True


async def _parse(request: Request, *, max_files: int) -> FormData:
    """The form, its files spooled to disk; the caller closes it."""

    async def body() -> AsyncGenerator[bytes, None]:
        async for chunk in request.stream():
            yield chunk
        if not parser.whole:  # raised within parse(), which then closes what it has opened
            raise MultiPartException("The body ends before its last boundary.")

    parser = _Form(request.headers, body(), max_files=max_files)
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
        raise MalformedBody(
            str(getattr(error, "message", error)),
            remedy="send a well-formed multipart/form-data body",
        ) from error
    try:
        fields, uploads = _parts(form)
        if sum(upload.size or 0 for upload in uploads) > limits.upload_bytes:
            raise _files_too_large(limits)
        yield fields, uploads
    finally:
        await form.close()


def _too_many_files(most: int) -> InvalidRequest:
    return InvalidRequest(
        f"more than {most} files",
        slug="too-many-files",
        remedy=f"send at most {most} files, or pack them into one",
    )


def _files_too_large(limits: Limits) -> TooLarge:
    size = _size(limits.upload_bytes)
    return TooLarge(
        f"the files hold more than {size}",
        slug="files-too-large",
        remedy=f"send at most {size} in all",
    )
