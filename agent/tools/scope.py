"""What an attempt's tools may reach, and the one way in which they answer."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import structlog
from claude_agent_sdk import SdkMcpTool, ToolAnnotations, tool
from pydantic import BaseModel, ConfigDict, ValidationError

from agent.web_client import WebClient
from shared.database.data import TaskData
from shared.embedding import Embedder
from shared.errors import InvalidRequest, QuintetError

log = structlog.get_logger(__name__)

_HALF = re.compile("[\ud800-\udfff]")

# The largest answer that stays in the conversation instead of being spilled to a file.
ANSWER_CHARACTERS = 60_000


@dataclass(frozen=True, slots=True)
class ToolScope:
    """One attempt. Its task is bound in `data`: no tool takes a task's id from the agent."""

    task_id: UUID
    subtask_key: str
    attempt: int
    agent_id: str
    data: TaskData
    embedder: Embedder
    web: WebClient | None
    allowed: frozenset[str]

    @property
    def author(self) -> str:
        """Who wrote a shared value, as other agents see it."""
        return f"{self.subtask_key}#{self.attempt}"


class Arguments(BaseModel):
    """A tool's arguments; the tool's JSON Schema is made of its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Given = TypeVar("Given", bound=Arguments)


def make_tool(
    name: str,
    description: str,
    arguments: type[Given],
    run: Callable[[Given], Awaitable[dict[str, Any]]],
    *,
    read_only: bool = False,
) -> SdkMcpTool[Any]:
    """A tool that answers with compact JSON, and with what to do when something was wrong."""

    async def answer(raw: dict[str, Any]) -> dict[str, Any]:
        try:
            _check_text(raw)
            return _content(await run(arguments.model_validate(raw)))
        except ValidationError as error:
            return _refusal(_complaints(error), f"call {name} again with these corrected")
        except QuintetError as error:
            return _refusal(error.detail, error.remedy)
        except Exception:
            # What went wrong may hold an address or a password: it is for our log alone.
            log.exception("tool failed", tool=name)
            return _refusal(f"{name} failed inside Quintet", "try once more, then do without it")

    annotations = ToolAnnotations.model_validate(
        {"readOnlyHint": read_only, "maxResultSizeChars": 2 * ANSWER_CHARACTERS}
    )
    return tool(name, description, arguments.model_json_schema(), annotations)(answer)


def _check_text(value: Any) -> None:
    """Neither PostgreSQL nor HTTP can carry a NUL or half a character."""
    if isinstance(value, str):
        if "\x00" in value or (not value.isascii() and _HALF.search(value)):
            raise InvalidRequest(
                "a text holds a NUL or half of a character", remedy="remove it and call again"
            )
    elif isinstance(value, dict | list):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check_text(item)


def _content(payload: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), default=str)
    return {"content": [{"type": "text", "text": text}]}


def _refusal(what: str, remedy: str) -> dict[str, Any]:
    payload = {"error": what, "what_to_do": remedy} if remedy else {"error": what}
    return {**_content(payload), "is_error": True}


def _complaints(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
