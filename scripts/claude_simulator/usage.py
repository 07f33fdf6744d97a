"""Token counts: estimated from characters, with the prompt cache's reads and writes."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the Messages API divides them."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int

    def content(self) -> dict[str, Any]:
        """The counts as the Messages API spells them."""
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.cache_creation_input_tokens,
            "cache_read_input_tokens": self.cache_read_input_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache_creation_input_tokens,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": self.output_tokens,
            "service_tier": "standard",
        }


class PromptCache:
    """Remembers which prompt prefixes it was told to cache, the least recently used dropped."""

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def clear(self) -> None:
        """Forget every prefix."""
        self._seen.clear()

    def measure(self, body: Mapping[str, Any], output_characters: int) -> Usage:
        """Count a call's tokens and remember its cached prefixes for the next one."""
        total = read = cached = 0
        marked: list[bytes] = []
        prefix = hashlib.sha256()
        for text, breakpoint_here in _prompt_blocks(body):
            total += len(text)
            prefix.update(text.encode())
            digest = prefix.digest()
            if digest in self._seen:
                read = total
            if breakpoint_here:
                cached = total
                marked.append(digest)
        read = min(read, cached)
        self._remember(marked)
        return Usage(
            input_tokens=tokens(total - cached),
            cache_creation_input_tokens=tokens(cached - read),
            cache_read_input_tokens=tokens(read),
            output_tokens=max(1, tokens(output_characters)),
        )

    def _remember(self, digests: list[bytes]) -> None:
        for digest in digests:
            self._seen[digest] = None
            self._seen.move_to_end(digest)
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)


def tokens(characters: int) -> int:
    """Tokens that many characters are taken for."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of a whole prompt: tools, system and messages."""
    return tokens(sum(len(text) for text, _ in _prompt_blocks(body)))


def _prompt_blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Each block of the prompt in the cache's order, and whether a prefix to cache ends there."""
    for tool in body.get("tools") or []:
        yield _block(tool)
    yield from _content(body.get("system") or [])
    for message in body.get("messages") or []:
        yield from _content(message["content"], message["role"])


def _content(content: str | list[Any], role: str = "system") -> Iterator[tuple[str, bool]]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        text, breakpoint_here = _block(block)
        yield f"{role}:{text}", breakpoint_here


def _block(block: Any) -> tuple[str, bool]:
    if not isinstance(block, dict):
        return str(block), False
    kept = {key: value for key, value in block.items() if key != "cache_control"}
    return json.dumps(kept, sort_keys=True), block.get("cache_control") is not None
