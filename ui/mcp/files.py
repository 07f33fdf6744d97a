"""Files in and out of MCP: context files that come inline, artifacts as what a model can read."""

import base64
import binascii
import mimetypes
from collections.abc import Sequence
from urllib.parse import quote
from uuid import UUID

from mcp.types import ContentBlock, ImageContent, ResourceLink, TextContent

from shared.errors import InvalidRequest, TooLarge
from shared.models import Artifact
from ui.calls import Upload
from ui.mcp.records import InlineFile
from ui.mcp.words import FOREIGN
from ui.views import plain, size

MAX_INLINE_FILES = 20  # what one call takes; the service has a limit of its own
MAX_INLINE_BYTES = 2 << 20
MAX_READ_BYTES = 20 << 20
MAX_PICTURE_BYTES = 3 << 20  # 4 MiB as base64, which models still take
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
_OTHER_WAYS = "Larger files: `quintet submit --file PATH`, or the dashboard."


def uploads(files: Sequence[InlineFile]) -> list[Upload]:
    """The files to send; raises an error that names the one that cannot be."""
    found = [Upload(each.name, _decoded(each), media_type(each.name)) for each in files]
    total = sum(len(upload.content) for upload in found)
    if total > MAX_INLINE_BYTES:
        raise TooLarge(
            f"The files have {size(total)}; a call takes {size(MAX_INLINE_BYTES)} in all.",
            remedy=f"Send fewer or smaller files. {_OTHER_WAYS}",
        )
    return found


def media_type(name: str) -> str:
    """What a file of this name should be."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def require_readable(artifact: Artifact) -> None:
    """Raises TooLarge for what should not pass through here."""
    if artifact.size > MAX_READ_BYTES:
        raise TooLarge(
            f"{plain(artifact.path)} has {size(artifact.size)}; up to {size(MAX_READ_BYTES)} "
            "can be read here.",
            remedy="The person can have it with `quintet show TASK --save DIRECTORY`.",
        )


def reading(
    task_id: UUID, artifact: Artifact, content: bytes, *, offset: int, limit: int
) -> list[ContentBlock]:
    """An artifact as text from `offset` on, as a picture, or as a link to its bytes."""
    if picture := _picture_type(content):
        return _picture(task_id, artifact, content, picture)
    text = _text(content)
    if text is None:
        note = "It is binary; its bytes are in the resource linked here."
        return [_said(artifact, note), _link(task_id, artifact)]
    part = text[offset : offset + limit]
    end = offset + len(part)
    place = f"Characters {offset} to {end} of {len(text)}."
    more = f" Read on with offset={end}." if end < len(text) else ""
    return [_said(artifact, f"{place}{more} {FOREIGN}"), TextContent(text=part)]


def _picture(task_id: UUID, artifact: Artifact, content: bytes, kind: str) -> list[ContentBlock]:
    if len(content) > MAX_PICTURE_BYTES:
        note = f"The picture is over {size(MAX_PICTURE_BYTES)}; its bytes are in the resource."
        return [_said(artifact, note), _link(task_id, artifact)]
    data = base64.b64encode(content).decode()
    return [_said(artifact, "It is a picture."), ImageContent(data=data, mime_type=kind)]


def _said(artifact: Artifact, note: str) -> TextContent:
    facts = f"{plain(artifact.path)}, {artifact.media_type}, {size(artifact.size)}"
    return TextContent(text=f"{facts}, made by {artifact.subtask_key}. {note}")


def _link(task_id: UUID, artifact: Artifact) -> ResourceLink:
    return ResourceLink(
        uri=f"quintet://tasks/{task_id}/artifacts/{quote(artifact.path, safe='/')}",
        name=artifact.name,
        mime_type=artifact.media_type,
        size=artifact.size,
    )


def _picture_type(content: bytes) -> str | None:
    """By its first bytes: a model's host fails on a picture that is none."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _PICTURES if content.startswith(start)), None)


def _text(content: bytes) -> str | None:
    if b"\x00" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decoded(file: InlineFile) -> bytes:
    if file.base64 is None:
        return (file.text or "").encode("utf-8", "replace")
    try:
        return base64.b64decode(file.base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(
            f"The content of {file.name!r} is not base64.", remedy="Encode its bytes again."
        ) from error
