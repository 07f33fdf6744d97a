"""`quintet`: hand in tasks, follow and steer them from a terminal.

What a command needs is imported when it is called, as it takes three times as long as the help.
"""

import os
import sys
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import typer
from typer.core import TyperCommand

from shared.errors import QuintetError
from ui.cli.exit import Exit

__all__ = ["COMMANDS", "Command", "Exit", "app", "main"]

HELP = """Hand in tasks to Quintet, follow and steer them.

The orchestrator's address is QUINTET_API_URL (default http://127.0.0.1:8000).
With --json, standard output carries JSON and nothing else.

Exit codes:
0 done, or the task completed
1 the task failed or was cancelled, or the service failed
2 the request or the command line is not valid, or nobody could be asked
3 there is no such task or subtask
4 the state has changed: look again
5 the service cannot be reached or is not ready
130 interrupted, or you said no
"""


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is, what it does as its docstring says, and under which heading it stands."""

    target: str
    help: str
    panel: str


_TASKS, _PLANS, _STEERING, _MORE = "Tasks", "Plans", "Steering", "More"
COMMANDS = {
    "submit": Command("ui.cli.tasks:submit", "Hand in a task.", _TASKS),
    "watch": Command(
        "ui.cli.watch:watch", "Follow a task to its end, then print its answer.", _TASKS
    ),
    "list": Command("ui.cli.tasks:list_tasks", "List tasks, newest first.", _TASKS),
    "show": Command(
        "ui.cli.tasks:show", "Show a task as it stands: plan, answer, files, price.", _TASKS
    ),
    "logs": Command("ui.cli.logs:logs", "Show the log of a task or a subtask.", _TASKS),
    "plan": Command(
        "ui.cli.plan:plan",
        "Show the plan of a task, one of its versions, or what changed between two.",
        _PLANS,
    ),
    "edit": Command(
        "ui.cli.edit:edit", "Change a plan that waits for approval in your editor.", _PLANS
    ),
    "approve": Command("ui.cli.plan:approve", "Let a plan that waits be worked.", _PLANS),
    "reject": Command(
        "ui.cli.plan:reject",
        "Send a plan back to the planner, with what should be different.",
        _PLANS,
    ),
    "pause": Command(
        "ui.cli.steering:pause", "Start nothing more of a task; what runs may finish.", _STEERING
    ),
    "resume": Command("ui.cli.steering:resume", "Let a paused task go on.", _STEERING),
    "priority": Command("ui.cli.steering:priority", "Change how urgent a task is.", _STEERING),
    "cancel": Command(
        "ui.cli.steering:cancel",
        "Stop a task and what runs of it, or one subtask of it.",
        _STEERING,
    ),
    "retry": Command(
        "ui.cli.steering:retry",
        "Run a subtask that failed or was cancelled again, and what depends on it.",
        _STEERING,
    ),
    "rerun": Command(
        "ui.cli.rerun:rerun",
        "Run a subtask and all that builds on it again, after a look at what that means.",
        _STEERING,
    ),
    "agents": Command("ui.cli.tasks:agents", "List the agents and what they are doing.", _MORE),
    "mcp": Command(
        "ui.mcp.command:mcp", "Let Claude Code and other MCP clients use Quintet.", _MORE
    ),
}


class _Later(TyperCommand):
    """Stands for a command until it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """The context of the command itself, which is imported now."""
        name = str(self.name)
        one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        one.command(name)(resolve_name(COMMANDS[name].target))
        return typer.main.get_command(one).make_context(info_name, args, parent, **extra)


def _nothing() -> None:
    """What `_Later` calls is never this."""


app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
for _name, _command in COMMANDS.items():
    app.command(_name, cls=_Later, help=_command.help, rich_help_panel=_command.panel)(_nothing)


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except QuintetError as error:
        sys.exit(resolve_name("ui.cli.output:complain")(error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone: leave without a traceback at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
