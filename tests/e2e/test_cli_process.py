"""The command line as a process of its own: exit codes that only a process has."""

import asyncio
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process

import pytest

from tests import ui_records as records
from tests.scripted_service import Reply, Request, scripted_service
from ui.cli.exit import Exit

DEADLINE = 20


async def start(url: str, *words: str) -> Process:
    environment = {**os.environ, "QUINTET_API_URL": url}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ui.cli", *words, env=environment, stdout=PIPE, stderr=PIPE
    )


async def test_an_interrupted_watch_ends_with_130() -> None:
    running = records.task("in_progress", records.subtask("load", "running"))
    with scripted_service() as service:
        watched = threading.Event()

        def answer(_: Request) -> Reply:
            if len(service.seen) > 1:
                watched.set()
            return Reply(200, records.detail(running).model_dump_json())

        service.answer = answer
        process = await start(service.url, "watch", str(running.id))
        async with asyncio.timeout(DEADLINE):
            await asyncio.to_thread(watched.wait, DEADLINE)
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
    assert process.returncode == Exit.INTERRUPTED
    assert b"Traceback" not in err


@pytest.mark.parametrize("words", [["agents"], ["list", "--json"]])
async def test_nobody_there_ends_with_5_and_says_what_to_do(words: list[str]) -> None:
    with scripted_service() as service:
        url = service.url
    process = await start(url, *words)
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    assert (process.returncode, out) == (Exit.UNREACHABLE, b"")
    assert url.encode() in err
    assert b"QUINTET_API_URL" in err
