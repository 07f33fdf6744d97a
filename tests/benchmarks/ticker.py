"""How late an event loop wakes what is due: what every request and every lease in it waits for.

python -m tests.benchmarks.ticker MODULE:CLASS [--why]

Runs the object's `run()` until SIGTERM, and imports nothing else of the services: a process is
as big as the real one. Then prints a JSON list of ticks: [when it was due, how late it came, how
much of that its process was computing], in seconds; for the rest it waited for a processor. The
clock is the machine's, so that lists of several processes can be laid beside each other.
"""

import argparse
import asyncio
import faulthandler
import gc
import importlib
import json
import signal
import sys
import time
from contextlib import suppress
from typing import Any, Protocol

from shared import log

EVERY = 0.005  # seconds
OVERDUE = 0.05

Ticks = list[tuple[float, float, float]]


class Service(Protocol):
    """What is watched."""

    async def run(self) -> None:
        """Run until SIGTERM."""
        ...


class Idle:
    """A process with nothing to do: how late it is, is the machine's doing."""

    async def run(self) -> None:
        """Wait for the end."""
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
        await told.wait()


def tell_collections() -> None:
    """Write to stderr what the collector of garbage takes: no traceback shows it."""
    began = 0.0

    def told(phase: str, info: dict[str, Any]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        elif (seconds := time.perf_counter() - began) > EVERY:
            found = f"{info['collected']} found in generation {info['generation']}"
            print(f"garbage collected in {seconds * 1000:.0f} ms, {found}", file=sys.stderr)

    gc.callbacks.append(told)


async def watched(service: Service, *, why: bool) -> Ticks:
    """Run a service to its end beside a ticker; what the ticker saw."""
    if why:
        tell_collections()
    seen: Ticks = []
    ticking = asyncio.create_task(_tick(seen, why=why))
    try:
        await service.run()
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        faulthandler.cancel_dump_traceback_later()
    return seen


async def _tick(seen: Ticks, *, why: bool) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        if why:  # its thread needs no lock, so it sees what keeps the lock as well
            faulthandler.dump_traceback_later(EVERY + OVERDUE, file=sys.stderr)
        due, computed = clock() + EVERY, time.process_time()
        await asyncio.sleep(EVERY)
        late = clock() - due
        seen.append((due, late, min(late, time.process_time() - computed)))


def main() -> None:
    """Run what is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service", metavar="MODULE:CLASS")
    parser.add_argument(
        "--why", action="store_true", help="tell on stderr where it is when overdue"
    )
    arguments = parser.parse_args()
    log.configure(level="error", form="text", service=arguments.service, stream=sys.stderr)
    module, _, name = arguments.service.partition(":")
    service = getattr(importlib.import_module(module), name)()
    print(json.dumps(asyncio.run(watched(service, why=arguments.why))))


if __name__ == "__main__":
    main()
