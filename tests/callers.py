"""Waiting until somebody listens on a channel of Redis: what was called before then is lost."""

import redis.asyncio as redis

from shared.queue import CANCELS
from tests.ticks import ticks


async def subscribed(redis_url: str, channel: str = CANCELS) -> None:
    """Wait until somebody follows the channel."""
    async with redis.Redis.from_url(redis_url) as client:
        async for _ in ticks():
            if dict(await client.pubsub_numsub(channel))[channel.encode()]:
                break
