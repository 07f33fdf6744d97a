"""What a result stands on: whether this very thing was refused before, told by why it was.

Failed checks fail again for the same files and structured output, however the summary is worded,
unless a tool did something since that files do not show. Claims and reviews are about the tool
calls themselves.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent.guard import READING, WRITING
from agent.tool_log import ToolCall
from shared.models import AgentResult, Doubt

_READ = frozenset(
    (
        *READING,
        *("NotebookRead", "TodoWrite", "WebFetch", "WebSearch"),
        *("Task", "Agent"),  # what a subagent does, it does by calls of its own
        *("fetch_url", "get_shared_data", "generate_embedding", "search_embeddings"),
    )
)
_READS_SQL = re.compile(r"\s*(?:select|show|explain|values|table)\b", re.IGNORECASE)
_READS_HTTP = frozenset(("GET", "HEAD", "OPTIONS"))
_PROGRAMS_THAT_READ = frozenset(
    ("cat", "cd", "diff", "du", "file", "grep", "head", "ls", "pwd", "stat", "tail", "wc")
)
_CAN_WRITE = re.compile(r"[>`]|\$\(|<\(")
_NEXT_COMMAND = re.compile(r"[;&|\n]+")


@dataclass(frozen=True, slots=True)
class ResultState:
    """A result and all that the attempt had done by then; `files` as `snapshot` tells them."""

    folder: Path
    files: Mapping[str, str]
    output: Mapping[str, Any]
    calls: Sequence[ToolCall]

    def mark(self, doubt: Doubt) -> str:
        """Equal to that of a later state of the same attempt if the same doubt stands against it.

        Calls are only ever added, so that their number tells whether one was.
        """
        about_calls = doubt in (Doubt.EVIDENCE, Doubt.REVIEW)
        told = {
            "doubt": doubt,
            "files": dict(self.files),
            "said": self._said(doubt),
            "calls": sum(about_calls or self._acts(call) for call in self.calls),
        }
        text = json.dumps(told, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _said(self, doubt: Doubt) -> object:
        result = _result(self.output)
        if result is None or doubt in (Doubt.SHAPE, Doubt.REVIEW):
            return self.output
        looked_at = (result.output, sorted(result.files))
        return looked_at if doubt is Doubt.CHECKS else (*looked_at, result.claims)

    def _acts(self, call: ToolCall) -> bool:
        """Whether a call may have changed what `files` does not show."""
        if call.ok is False or call.name in _READ:
            return False
        match call.name:
            case "Bash":
                return not _only_reads(str(call.input.get("command", "")))
            case "query_database":
                return _READS_SQL.match(str(call.input.get("sql", ""))) is None
            case "http_request":
                return str(call.input.get("method", "GET")).upper() not in _READS_HTTP
            case name:
                return name not in WRITING or not self._shows(str(call.input.get(WRITING[name])))

    def _shows(self, path: str) -> bool:
        try:
            return str((self.folder / path).relative_to(self.folder)) in self.files
        except ValueError:
            return False


def _result(output: Mapping[str, Any]) -> AgentResult | None:
    """What is looked at; one that gives up or is malformed is like no other."""
    try:
        result = AgentResult.model_validate(output)
    except ValidationError:
        return None
    return None if result.failed else result


def _only_reads(command: str) -> bool:
    parts = [part.split() for part in _NEXT_COMMAND.split(command) if part.strip()]
    reads = all(words[0] in _PROGRAMS_THAT_READ for words in parts)
    return reads and _CAN_WRITE.search(command) is None
