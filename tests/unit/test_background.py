"""Loops that live as long as a block, and batches that form by themselves."""

import asyncio

import pytest

from shared.background import NaturalBatch, running


async def test_loops_end_with_their_block() -> None:
    ended = asyncio.Event()

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with running(loop()):
        await asyncio.sleep(0)
        assert not ended.is_set()
    assert ended.is_set()


async def test_a_loop_that_dies_takes_the_block_with_it() -> None:
    async def loop() -> None:
        raise ValueError("broken")

    with pytest.raises(ExceptionGroup) as caught:
        async with running(loop()):
            await asyncio.sleep(5)
    assert caught.group_contains(ValueError, match="broken")


async def test_what_arrives_during_a_write_goes_into_the_next_one() -> None:
    batches: list[list[int]] = []

    async def write(items: list[int]) -> list[int]:
        batches.append(items)
        await asyncio.sleep(0.01)
        return [item * 2 for item in items]

    batch = NaturalBatch(write, most=40)
    async with running(batch.run()):
        first = asyncio.create_task(batch.submit(0))
        await asyncio.sleep(0.001)
        assert await asyncio.gather(*map(batch.submit, range(1, 50))) == list(range(2, 100, 2))
        assert await first == 0
    assert [len(items) for items in batches] == [1, 40, 9]


async def test_an_error_goes_to_those_of_its_batch_alone() -> None:
    async def write(items: list[int]) -> list[int]:
        if 13 in items:
            raise ValueError("unlucky")
        return items

    batch = NaturalBatch(write)
    async with running(batch.run()):
        with pytest.raises(ValueError, match="unlucky"):
            await batch.submit(13)
        assert await batch.submit(7) == 7


async def test_a_write_that_forgets_an_item_is_an_error_and_not_silence() -> None:
    async def write(items: list[int]) -> list[int]:
        return items[1:]

    batch = NaturalBatch(write)
    async with running(batch.run()), asyncio.timeout(1):
        with pytest.raises(RuntimeError, match="1 items were written with 0 results"):
            await batch.submit(1)


async def test_a_submitter_that_left_disturbs_nobody() -> None:
    written: list[int] = []

    async def write(items: list[int]) -> list[int]:
        await asyncio.sleep(0.01)
        written.extend(items)
        return items

    batch = NaturalBatch(write)
    async with running(batch.run()):
        leaver, stayer = (asyncio.create_task(batch.submit(item)) for item in (1, 2))
        await asyncio.sleep(0.001)
        leaver.cancel()
        assert await stayer == 2
    assert written == [1, 2]


async def test_nobody_waits_for_a_writer_that_was_stopped() -> None:
    async def write(items: list[int]) -> list[int]:
        await asyncio.sleep(60)
        return items

    batch = NaturalBatch(write)
    writer = asyncio.create_task(batch.run())
    waiting = asyncio.create_task(batch.submit(1))
    await asyncio.sleep(0.01)
    writer.cancel()
    done, _ = await asyncio.wait([waiting], timeout=1)
    assert done
    assert waiting.cancelled()
