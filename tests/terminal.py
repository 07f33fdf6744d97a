"""A terminal for one program: what it paints can be read, what it asks can be answered."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ROWS, COLUMNS = 40, 120
DEADLINE = 30


class Terminal:
    """One end of a pseudo-terminal; a program has the other."""

    def __init__(self, own: int, process: Process) -> None:
        self.process = process
        self._painted = b""
        self._own = own
        self._over = False
        self._news = asyncio.Event()

    @property
    def text(self) -> str:
        """All that was ever painted, without colours and movements."""
        return _SEQUENCE.sub("", self._painted.decode(errors="ignore"))

    def read(self) -> None:
        """Take what has been painted."""
        try:
            chunk = os.read(self._own, 65_536)
        except OSError:  # the program has closed its end
            chunk = b""
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._own)
            self._over = True
        self._painted += chunk
        self._news.set()

    async def until(self, words: str) -> None:
        """Wait until these words have been painted."""
        async with asyncio.timeout(DEADLINE):
            while words not in self.text:
                assert not self._over, self.text
                self._news.clear()
                await self._news.wait()

    def type(self, words: str) -> None:
        """Type, as a person would."""
        os.write(self._own, words.encode())

    async def end(self) -> int:
        """Wait for the program's end; its exit code."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()


@asynccontextmanager
async def quintet_in_terminal(url: str, *words: str) -> AsyncIterator[Terminal]:
    """The command line as a program of its own, in a terminal of its own."""
    own, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    hidden = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CI"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ui.cli", *words),
        env=environment | {"QUINTET_API_URL": url, "TERM": "xterm-256color"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    os.close(its)
    terminal = Terminal(own, process)
    asyncio.get_running_loop().add_reader(own, terminal.read)
    try:
        yield terminal
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(own)
        os.close(own)
