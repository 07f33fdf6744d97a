"""Answers of tools: words for a model, beside the same as structured content."""

from mcp.types import CallToolResult, ContentBlock, TextContent

from shared.models import Record, TaskView
from ui.mcp.records import TaskReport, task_report
from ui.mcp.words import task_words
from ui.views import plain


def answered(record: Record, *words: str) -> CallToolResult:
    """The record, and what it says; foreign text has a block of its own."""
    blocks: list[ContentBlock] = [TextContent(text=each) for each in words if each]
    return CallToolResult(content=blocks, structured_content=record.model_dump(mode="json"))


def refused(words: str) -> CallToolResult:
    """A refusal that the model can act on."""
    return CallToolResult(content=[TextContent(text=words)], is_error=True)


def task_answered(task: TaskView, advice: str = "") -> CallToolResult:
    """A task as it stands, with its answer if it has one."""
    report = task_report(task)
    return answered(report, task_words(report, advice), answer_of(report))


def answer_of(report: TaskReport) -> str:
    """The answer's text without what would steer a terminal."""
    return plain(report.answer or "")
