"""Pictures as the page shows them: made small once, not at every refresh."""

import io

import streamlit as st
from PIL import Image, ImageOps

from shared.errors import QuintetError
from ui.service import artifact_bytes

WIDTH = 1460
"""Pixels; Streamlit decodes and encodes whatever is wider each time that it is shown."""
_MODES = ("L", "LA", "RGB", "RGBA")


class NotAPicture(QuintetError):
    """The bytes are none that can be shown as a picture."""

    title = "Not a picture"


@st.cache_resource(max_entries=32, show_spinner=False)
def picture(task_id: str, path: str, sha256: str) -> bytes:
    """A picture, at most WIDTH wide; the hash makes a rerun's file a new one.

    Raises QuintetError.
    """
    del sha256
    return made_small(artifact_bytes(task_id, path))


def made_small(content: bytes) -> bytes:
    """The same picture, at most WIDTH wide; raises NotAPicture."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.width <= WIDTH:
                return content
            return _small(opened)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAPicture(
            "its content cannot be read as a picture", remedy="download it to look at it"
        ) from error


def _small(opened: Image.Image) -> bytes:
    turned = ImageOps.exif_transpose(opened)
    image = turned if turned.mode in _MODES else turned.convert("RGBA")
    image.thumbnail((WIDTH, image.height))
    made = io.BytesIO()
    if opened.format == "JPEG":
        image.convert("RGB").save(made, "JPEG", quality=88)
    else:
        image.save(made, "PNG")
    return made.getvalue()
