"""What a session says, as notes for the people who watch."""

from agent.attempt import Note
from agent.claude_events import (
    ApiRetried,
    SessionEvent,
    TextSaid,
    ToolCalled,
    ToolDenied,
    ToolReturned,
    TurnEnded,
)
from agent.tool_names import ANSWER, plain_name


def note_of(event: SessionEvent) -> Note | None:
    """The note, or None for what only the machinery says."""
    match event:
        case TextSaid(text=text):
            return Note("text", text)
        case ToolCalled(name=name) | ToolReturned(name=name) if name == ANSWER:
            return None
        case ToolCalled(name=name, summary=summary, id=call):
            return Note("tool.called", f"{plain_name(name)} {summary}", data={"call": call})
        case ToolReturned(name=name, is_error=failed, seconds=seconds, excerpt=excerpt, id=call):
            return Note(
                "tool.returned",
                f"{plain_name(name)} {'failed' if failed else 'done'} in {seconds:.1f} s",
                level="warning" if failed else "info",
                data={"call": call, "excerpt": excerpt, "seconds": round(seconds, 3)},
            )
        case ToolDenied(name=name, reason=reason):
            return Note("tool.denied", f"{plain_name(name)}: {reason}", level="warning")
        case ApiRetried(attempt=attempt, most=most, delay=delay, status=status):
            why = f"HTTP {status}" if status else "no connection"
            text = f"the model did not answer ({why}); retry {attempt} of {most} in {delay:.1f} s"
            return Note("model.retried", text, level="warning")
        case TurnEnded():
            return None
