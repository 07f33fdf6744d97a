"""A reply as the event stream of the Messages API."""

import json
from collections.abc import Iterator
from typing import Any

from scripts.claude_simulator.reply import Block, Reply, Text
from scripts.claude_simulator.usage import Usage

CHUNKS_PER_BLOCK = 6
_SMALLEST_CHUNK = 24


def message(reply: Reply, usage: Usage, *, model: str, message_id: str) -> dict[str, Any]:
    """The reply as one message, for a request that does not stream."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block.content() for block in reply.blocks],
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": usage.content(),
    }


def events(reply: Reply, usage: Usage, *, model: str, message_id: str) -> Iterator[bytes]:
    """The reply as server-sent events, each block in several deltas."""
    whole = message(reply, usage, model=model, message_id=message_id)
    opening = whole | {"content": [], "stop_reason": None, "stop_details": None}
    opening["usage"] = usage.content() | {"output_tokens": 1}
    yield _event("message_start", message=opening)
    yield _event("ping")
    for index, block in enumerate(reply.blocks):
        yield from _block_events(index, block)
    delta = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield _event("message_delta", delta=delta, usage=usage.content())
    yield _event("message_stop")


def broken_events(reply: Reply, usage: Usage, *, model: str, message_id: str) -> Iterator[bytes]:
    """A stream whose third event is not JSON."""
    sound = events(reply, usage, model=model, message_id=message_id)
    yield next(sound)
    yield next(sound)
    yield b'event: content_block_start\ndata: {"type": "content_block_st\n\n'


def _block_events(index: int, block: Block) -> Iterator[bytes]:
    content = block.content()
    if isinstance(block, Text):
        start, kind, field, text = content | {"text": ""}, "text_delta", "text", block.text
    else:
        text = json.dumps(block.arguments, ensure_ascii=False)
        start, kind, field = content | {"input": {}}, "input_json_delta", "partial_json"
    yield _event("content_block_start", index=index, content_block=start)
    for piece in _pieces(text):
        yield _event("content_block_delta", index=index, delta={"type": kind, field: piece})
    yield _event("content_block_stop", index=index)


def _pieces(text: str) -> Iterator[str]:
    size = max(_SMALLEST_CHUNK, -(-len(text) // CHUNKS_PER_BLOCK))
    for start in range(0, len(text), size):
        yield text[start : start + size]


def _event(kind: str, **data: Any) -> bytes:
    payload = json.dumps({"type": kind, **data}, ensure_ascii=False)
    return f"event: {kind}\ndata: {payload}\n\n".encode()
