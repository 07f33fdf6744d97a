"""A connection whose answers are counted as they arrive.

A cursor bounds the number of rows, not the size of one: a single value may have a gigabyte, which
asyncpg would collect before anybody could look at it.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

WIRE_LIMIT = 16 * 1024 * 1024

if TYPE_CHECKING:
    _Base = asyncpg.Connection[asyncpg.Record]
else:
    _Base = asyncpg.Connection


class WireLimit(asyncio.Protocol):
    """Stands before asyncpg's protocol and hangs up when one answer grows beyond all measure."""

    def __init__(self, inner: asyncio.Protocol, transport: asyncio.WriteTransport) -> None:
        self._inner = inner
        self._transport = transport
        self.received = 0

    @property
    def exceeded(self) -> bool:
        return self.received > WIRE_LIMIT

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.exceeded:
            self._transport.abort()
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class LimitedConnection(_Base):
    """An asyncpg connection that counts what it receives."""

    def __init__(self, protocol: Any, transport: Any, *args: Any, **options: Any) -> None:
        super().__init__(protocol, transport, *args, **options)
        self.wire = WireLimit(protocol, transport)
        transport.set_protocol(self.wire)
