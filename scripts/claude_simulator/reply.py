"""What the simulated model says: text, tool calls and why it stopped."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4


def _new_id() -> str:
    return f"toolu_sim_{uuid4().hex[:20]}"


@dataclass(frozen=True, slots=True)
class Text:
    """A block of text."""

    text: str

    def content(self) -> dict[str, Any]:
        """The block as the Messages API spells it."""
        return {"type": "text", "text": self.text, "citations": None}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A block that asks the client to run a tool."""

    name: str
    arguments: Mapping[str, Any]
    id: str = field(default_factory=_new_id)

    def content(self) -> dict[str, Any]:
        """The block as the Messages API spells it."""
        return {"type": "tool_use", "id": self.id, "name": self.name, "input": self.arguments}


Block = Text | ToolCall


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the model; `refused` carries the reason of a refusal."""

    blocks: tuple[Block, ...]
    stop_reason: str
    refused: str | None = None

    @property
    def size(self) -> int:
        """Characters said, tool arguments included."""
        return sum(_size(block) for block in self.blocks)

    @property
    def stop_details(self) -> dict[str, Any] | None:
        """The refusal as the Messages API spells it, or nothing."""
        if self.refused is None:
            return None
        return {"type": "refusal", "category": None, "explanation": self.refused}


def say(text: str) -> Reply:
    """A final text."""
    return Reply((Text(text),), "end_turn")


def say_json(value: Any) -> Reply:
    """A final text that is the JSON of a structured answer."""
    return say(json.dumps(value, ensure_ascii=False))


def call_tools(text: str, calls: list[ToolCall]) -> Reply:
    """Some text, unless empty, and the tools to run next."""
    blocks: tuple[Block, ...] = (*([Text(text)] if text else []), *calls)
    return Reply(blocks, "tool_use")


def refuse(reply: Reply) -> Reply:
    """The refusal that stands in for the reply."""
    return replace(reply, blocks=(), stop_reason="refusal", refused="Simulated refusal.")


def cut_to(reply: Reply, size: int) -> Reply:
    """The reply as far as `size` characters reach; a tool call that does not fit is lost."""
    kept: list[Block] = []
    left = size
    for block in reply.blocks:
        if _size(block) <= left:
            kept.append(block)
        elif isinstance(block, Text) and left:
            kept.append(Text(block.text[:left]))
        left = max(0, left - _size(block))
    return Reply(tuple(kept), "max_tokens")


def _size(block: Block) -> int:
    return len(block.text if isinstance(block, Text) else json.dumps(block.arguments))
