"""The main content of a web page, taken out by a process of its own.

Extraction is computation on what a stranger wrote: 2 MB of links take half a minute and most of a
gigabyte, and hold the interpreter for hundreds of milliseconds at a time. A process can be ended,
its memory can be limited, it knows no secrets, and the event loop never waits for it.
"""

import asyncio
import sys
from pathlib import Path

from pydantic import BaseModel, ValidationError

from shared.errors import InvalidRequest

SECONDS = 15.0
_PROGRAM = Path(__file__).with_name("page_extractor.py")


class PageText(BaseModel):
    """A page's title and its main content, or all of its text when it has no main content."""

    title: str | None
    text: str


async def read_page(html: bytes, url: str, *, markdown: bool, seconds: float = SECONDS) -> PageText:
    """Extract within `seconds`; `InvalidRequest` when the page is too much for that."""
    address = url.partition("?")[0]  # a query may hold a key, and other users see arguments
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(_PROGRAM), address, "markdown" if markdown else "txt"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            answer, _ = await process.communicate(html)
        return PageText.model_validate_json(answer)
    except (TimeoutError, ValidationError):
        raise InvalidRequest(
            "the page's main content could not be extracted", remedy="fetch it with format raw"
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
