"""What every command shares: how it prints, asks, complains and ends."""

import sys

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.text import Text

from shared.errors import Conflict, InvalidRequest, NotFound, QuintetError, RequestError
from ui.cli.exit import Exit
from ui.client import ServiceUnreachable
from ui.refusals import unsaid_faults
from ui.views import one_line, sentence


def screen(*, errors: bool = False) -> Console:
    """Standard output or standard error, without guesses at what to colour."""
    return Console(stderr=errors, highlight=False)


def put(renderable: RenderableType) -> None:
    """Print for people."""
    screen().print(renderable)


def hint(words: str, *, errors: bool = False) -> None:
    """One faint line: what to do next. It is never broken, so that it can be copied."""
    screen(errors=errors).print(Text(words, style="bright_black"), soft_wrap=True)


def print_json(record: BaseModel) -> None:
    """Print for programs."""
    sys.stdout.write(record.model_dump_json(indent=2) + "\n")


def somebody_is_there() -> bool:
    """Whether a question would be read and could be answered."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: str, *, unasked: str) -> None:
    """Go on after a yes, end after a no; where nobody can be asked `unasked` says what to type."""
    if not somebody_is_there():
        raise InvalidRequest("There is no terminal, so nobody can be asked.", remedy=unasked)
    if not typer.confirm(question):
        hint("Nothing was done.")
        raise typer.Exit(Exit.INTERRUPTED)


def exit_code(error: QuintetError) -> Exit:
    """How an error ends the command."""
    if isinstance(error, ServiceUnreachable):
        return Exit.UNREACHABLE
    if isinstance(error, NotFound):
        return Exit.NOT_FOUND
    if isinstance(error, Conflict):
        return Exit.CONFLICT
    if isinstance(error, RequestError):
        return Exit.UNREACHABLE if error.status == 503 else Exit.INVALID
    return Exit.TASK_FAILED


def complain(error: QuintetError) -> Exit:
    """Say on standard error what is wrong and what to do; how the command ends."""
    to = screen(errors=True)
    title = Text(f"{error.title}: ", style="bold red")
    to.print(Text.assemble(title, sentence(error.detail)), soft_wrap=True)
    for fault in unsaid_faults(error):
        to.print(Text(f"- {one_line(fault, 400)}"), soft_wrap=True)
    if error.remedy:
        hint(sentence(error.remedy), errors=True)
    return exit_code(error)
