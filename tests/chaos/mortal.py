"""Servers of one test, which it may kill and start again: same port, same data."""

from contextlib import suppress

import psutil

from scripts.local_servers import LocalServer
from tests.ticks import ticks


async def crash(server: LocalServer) -> None:
    """SIGKILL to a server and everything it forked; returns when nothing of it runs."""
    child = server.child
    assert child is not None
    assert child.pid is not None  # psutil would take None for ourselves
    parent = psutil.Process(child.pid)
    parent.suspend()  # so that it forks nothing while its children are listed
    family = [parent, *parent.children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    await child.wait()
    async for _ in ticks(within=5):
        if not any(_runs(process) for process in family):
            break


def _runs(process: psutil.Process) -> bool:
    """Whether it still does; the dead whom nobody has buried do not."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
