"""What the four kinds of prompt say: XML-like sections whose text is escaped."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ATTRIBUTE = re.compile(r'([a-z_]+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Section:
    """One `<name attribute="...">text</name>`; `raw` may hold further sections."""

    attributes: Mapping[str, str]
    raw: str

    @property
    def text(self) -> str:
        """The section's text as its author wrote it."""
        return html.unescape(self.raw).strip()

    def json(self) -> dict[str, Any]:
        """The section's text as a JSON object; anything else is an empty one."""
        try:
            value = json.loads(self.text)
        except json.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class PlannerPrompt:
    """What the planner is asked: the request and the names of the files that came with it."""

    request: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentPrompt:
    """What an agent is asked; `prerequisites` and `context_files` are by key and by file name."""

    request: str
    key: str
    attempt: int
    title: str
    description: str
    expected_output: str
    cwd: str
    context_dir: str
    task_dir: str
    prerequisites: Mapping[str, dict[str, Any]]
    context_files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AggregatorPrompt:
    """What the aggregator is asked; each result holds title, status and the subtask's JSON."""

    request: str
    results: Mapping[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ReviewerPrompt:
    """What a reviewer is asked, `round` 0 at its first look; `shown` are texts it may quote."""

    request: str
    key: str
    round: int
    shown: tuple[str, ...]


def sections(text: str, name: str) -> Iterator[Section]:
    """Every section of that name in the text, in order."""
    pattern = rf'<{name}((?:\s+[a-z_]+="[^"]*")*)\s*(?:/>|>(.*?)</{name}>)'
    for match in re.finditer(pattern, text, re.DOTALL):
        attributes = {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(match[1])}
        yield Section(attributes, match[2] or "")


def first(text: str, name: str) -> Section:
    """The first section of that name, or an empty one."""
    return next(sections(text, name), Section({}, ""))


def planner_prompt(text: str) -> PlannerPrompt:
    """Read the planner's prompt; a text without a request section is the request itself."""
    request = first(text, "request").text or text.strip()
    files = sections(first(text, "context_files").raw, "file")
    return PlannerPrompt(request, tuple(file.attributes.get("name", "") for file in files))


def agent_prompt(text: str) -> AgentPrompt:
    """Read an agent's first user message."""
    subtask = first(text, "subtask")
    attempt = subtask.attributes.get("attempt", "1")
    workspace = _lines(first(text, "workspace").text)
    files = sections(first(text, "context_files").raw, "file")
    return AgentPrompt(
        request=first(text, "task").text,
        key=subtask.attributes.get("key", ""),
        attempt=int(attempt) if attempt.isdigit() else 1,
        title=subtask.attributes.get("title", ""),
        description=subtask.text,
        expected_output=first(text, "expected_output").text,
        cwd=workspace.get("working directory", ""),
        context_dir=workspace.get("context directory", ""),
        task_dir=workspace.get("task directory", ""),
        prerequisites=_results(first(text, "prerequisites").raw),
        context_files={
            file.attributes.get("name", ""): file.attributes.get("path", "") for file in files
        },
    )


def aggregator_prompt(text: str) -> AggregatorPrompt:
    """Read the aggregator's prompt."""
    return AggregatorPrompt(first(text, "request").text, _results(first(text, "results").raw))


def reviewer_prompt(text: str) -> ReviewerPrompt:
    """Read a reviewer's prompt."""
    subtask = first(text, "subtask")
    number = subtask.attributes.get("round", "0")
    files = tuple(sections(first(text, "files").raw, "file"))
    texts = (each.text for each in (first(text, "output"), *files, first(text, "statement")))
    return ReviewerPrompt(
        request=first(text, "task").text,
        key=subtask.attributes.get("key", ""),
        round=int(number) if number.isdigit() else 0,
        shown=(*texts, *(file.attributes.get("path", "") for file in files)),
    )


def _results(raw: str) -> dict[str, dict[str, Any]]:
    return {
        section.attributes.get("key", ""): {
            "title": section.attributes.get("title", ""),
            "status": section.attributes.get("status", "completed"),
            **section.json(),
        }
        for section in sections(raw, "result")
    }


def _lines(text: str) -> dict[str, str]:
    pairs = (line.partition(": ") for line in text.splitlines())
    return {name.strip(): value.strip() for name, separator, value in pairs if separator}
