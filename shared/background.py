"""Loops that live exactly as long as a block, and batches that form by themselves."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from shared.metrics import LAG

T = TypeVar("T")
R = TypeVar("R")


def forget_imports() -> None:
    """Take what the imports made out of the collector's sight; call before the first loop starts.

    A full collection walks hundreds of thousands of such objects: 150 ms in which no lease is
    renewed and no request answered.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the loops while the block runs; a loop that dies takes the block with it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


class WorstLag:
    """The latest that this process's loop woke anything since somebody last asked, in seconds."""

    def __init__(self) -> None:
        self._worst = 0.0

    def note(self, seconds: float) -> None:
        """It was so late once."""
        self._worst = max(self._worst, seconds)

    def take(self) -> float:
        """The worst until now; begin anew."""
        worst, self._worst = self._worst, 0.0
        return worst


WORST_LAG = WorstLag()


async def measure_lag(interval: float = 0.1) -> None:
    """Observe how late this loop wakes what sleeps, until cancelled."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + interval
        await asyncio.sleep(interval)
        late = max(0.0, clock() - due)
        LAG.observe(late)
        WORST_LAG.note(late)


def leave_if_cancelled() -> None:
    """Raise a cancellation that a client library has swallowed; for loops that run for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class NaturalBatch(Generic[T, R]):
    """What arrives while a write is under way goes into the next one; no timer, no delay.

    `write` gets the batch and answers with one result per item, in order. Own its `run()`.
    """

    def __init__(self, write: Callable[[list[T]], Awaitable[list[R]]], *, most: int = 256) -> None:
        self._write = write
        self._most = most
        self._waiting: asyncio.Queue[tuple[T, asyncio.Future[R]]] = asyncio.Queue()

    async def submit(self, item: T) -> R:
        """Hand over one item and wait for its own result."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((item, future))
        return await future

    async def run(self) -> None:
        """Write batches until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < self._most and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._settle(batch)

    async def _settle(self, batch: list[tuple[T, "asyncio.Future[R]"]]) -> None:
        try:
            results = await self._write([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"{len(batch)} items were written with {len(results)} results")
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()  # nobody will write it any more: who waits must not wait for ever
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait for the result
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)
