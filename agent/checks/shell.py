"""One command in a check's surroundings: shut in, with a deadline, and leaving nothing behind."""

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import structlog

from agent.checks.bubblewrap import shut_in
from agent.process_tree import LAUNCHER, MARKER, sweep

OUTPUT_BYTES = 16 * 1024
KILL_AFTER_SECONDS = 5.0
LAST_OUTPUT_SECONDS = 1.0

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # colours and cursor movements
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"
    r"|[ -/]*[0-~])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shell:
    """What the commands of one attempt's checks have in common.

    `environment` is complete and holds no secrets. `scratch` exists; it is the commands' home and
    takes their temporary files. With the sandbox on they see nothing below `hidden`, except what
    is `readable`, and have no network. `marker` names the attempt in all their processes.
    """

    environment: Mapping[str, str] = field(repr=False)
    scratch: Path
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    sandbox: bool
    marker: str


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a command: `exit_code` is None when its time was up.

    `output` is the end of what it wrote to stdout and stderr, at most OUTPUT_BYTES of it.
    """

    exit_code: int | None
    output: str
    seconds: float


class _Tail(asyncio.Protocol):
    """Keeps the end of what arrives; `closed` when nobody can write any more."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self.closed = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.kept += data
        del self.kept[:-OUTPUT_BYTES]

    def connection_lost(self, _: Exception | None) -> None:
        self.closed.set()


async def run(
    shell: Shell, argv: Sequence[str], *, folder: Path, seconds: float, stdin: bytes = b""
) -> Ran:
    """Run a program in `folder`, to its end or for `seconds`; none of its descendants remains.

    Also when it is cancelled, which it delays until they are gone. Raises OSError when nothing
    can be started there. Call it from the main thread: the launcher ends with its thread.
    """
    stop = asyncio.Event()
    running = asyncio.create_task(_run(shell, argv, folder, seconds, stdin, stop))
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = error
            stop.set()
    if cancelled is not None:
        running.exception()  # whatever it was, nobody asks for it any more
        raise cancelled
    return running.result()


async def _run(
    shell: Shell,
    argv: Sequence[str],
    folder: Path,
    seconds: float,
    stdin: bytes,
    stop: asyncio.Event,
) -> Ran:
    loop = asyncio.get_running_loop()
    started = loop.time()
    # a marker below the attempt's: what is swept here is of this command only
    marker = f"{shell.marker}/{uuid.uuid4().hex[:8]}"
    tail = _Tail()
    source, sink = os.pipe()
    reading, _ = await loop.connect_read_pipe(lambda: tail, os.fdopen(source, "rb", 0))
    try:
        try:
            process = await _start(shell, argv, folder, stdin, marker, sink)
        finally:
            os.close(sink)
        in_time = await _until_done(process, seconds, stop)
        if (process.returncode or 0) < 0:  # the launcher was killed, before it could clean up
            await _sweep(marker)
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_OUTPUT_SECONDS):
                await tail.closed.wait()
    finally:
        reading.close()
    code = process.returncode if in_time else None
    return Ran(code, _plain(bytes(tail.kept)), loop.time() - started)


async def _start(
    shell: Shell, argv: Sequence[str], folder: Path, stdin: bytes, marker: str, sink: int
) -> asyncio.subprocess.Process:
    environment = {
        **shell.environment,
        "HOME": str(shell.scratch),
        "TMPDIR": str(shell.scratch),
        MARKER: marker,
    }
    command = _command(shell, argv, folder, environment.get("PATH"))
    names = ",".join(sorted(environment))
    with await asyncio.to_thread(_as_file, stdin, shell.scratch) as given:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-IS", str(LAUNCHER), str(os.getpid()), names, "--", *command),
            cwd=folder,
            env=environment,
            stdin=given,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def _command(shell: Shell, argv: Sequence[str], folder: Path, path: str | None) -> list[str]:
    if shell.sandbox:
        return shut_in(
            argv,
            folder=folder,
            scratch=shell.scratch,
            readable=shell.readable,
            hidden=shell.hidden,
        )
    return [shutil.which(argv[0], path=path) or argv[0], *argv[1:]]


def _as_file(content: bytes, folder: Path) -> IO[bytes]:
    """Nobody has to feed it, and who does not read it breaks no pipe."""
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it is for the caller to close
    file.write(content)
    file.seek(0)
    return file


async def _until_done(
    process: asyncio.subprocess.Process, seconds: float, stop: asyncio.Event
) -> bool:
    """Whether it ended by itself; otherwise it was made to."""
    ending, halt = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait({ending, halt}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    halt.cancel()
    in_time = ending.done()
    if not in_time:
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait({ending}, timeout=KILL_AFTER_SECONDS)
    if not ending.done():
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.wait({ending}, timeout=KILL_AFTER_SECONDS)
    if not ending.done():
        ending.cancel()
        _log.error("the kernel keeps the processes of a check", launcher=process.pid)
    return in_time


async def _sweep(marker: str) -> None:
    if left := await sweep(marker):
        _log.error("processes of a check could not be ended", pids=left)


def _plain(output: bytes) -> str:
    """Text as people and databases take it: no escapes, no other control characters."""
    text = _ESCAPES.sub("", output.decode("utf-8", "replace"))
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
