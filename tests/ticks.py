"""A pace for tests that look again and again until something has come about elsewhere."""

import asyncio
from collections.abc import AsyncIterator


async def ticks(*, within: float = 15, every: float = 0.01) -> AsyncIterator[None]:
    """One at once and then one every so often; TimeoutError when the time is over."""
    clock = asyncio.get_running_loop().time
    ends = clock() + within
    while clock() < ends:
        yield
        await asyncio.sleep(every)
    raise TimeoutError(f"did not come about within {within} s")
