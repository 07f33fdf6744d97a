"""`python -m scripts.stack up|down|status|run`: the local stack from the command line."""

import argparse
import asyncio
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
from rich.console import Console

from scripts import demo
from scripts.stack.composition import Composition
from scripts.stack.control import down, status, up
from scripts.stack.process import StartError
from scripts.stack.settings import MARKER, StackSettings
from scripts.stack.supervisor import Supervisor

FAILED = {
    "up": "Quintet could not start.",
    "run": "Quintet could not start.",
    "down": "Quintet could not be stopped.",
    "status": "Quintet could not be looked at.",
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = _parser().parse_args(words)
    console = Console()
    try:
        return _run(arguments, StackSettings.load(), console)
    except (StartError, OSError, psutil.AccessDenied) as error:
        console.print(FAILED[arguments.command], style="bold red")
        words = str(error) if isinstance(error, StartError) else remedy(error)
        console.print(words, markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace, settings: StackSettings, console: Console) -> int:
    match arguments.command:
        case "up":
            up(settings, console)
            if arguments.demo:
                return demo.run(settings.api_url, settings.dashboard_url, console)
            return 0
        case "down":
            return down(settings, console)
        case "status":
            return status(settings, console)
        case _:
            return supervise(settings)


def remedy(error: OSError | psutil.AccessDenied) -> str:
    """What the system refused, and what to do."""
    if isinstance(error, psutil.AccessDenied):
        return f"pid {error.pid} belongs to another user: do this as that user, or as root."
    place = Path(os.fsdecode(error.filename)) if error.filename else None
    reason = f"{place}: {error.strerror}." if place else f"{error.strerror or error}."
    if place and isinstance(error, PermissionError):
        return (
            f"{reason} It belongs to {_owner(place)}, as does the Quintet that uses it: do this as"
            " that user, or set QUINTET_HOME to a folder of your own for a Quintet of your own."
        )
    home = "QUINTET_HOME (the folder .quintet here unless it is set)"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{reason} Make room on the disk of {home}, or set it to a folder on another disk."
    return f"{reason} Mend that, or set {home} to another folder."


def _owner(path: Path) -> str:
    """Who owns it, or the nearest folder above that we may look at."""
    for each in (path, *path.absolute().parents):
        try:
            return each.owner()
        except KeyError:
            return f"uid {each.stat().st_uid}"
        except OSError:  # it is hidden from us, or not there
            continue
    return "somebody else"


def supervise(settings: StackSettings) -> int:
    """Be the supervisor, in the foreground, until a signal."""
    os.environ[MARKER] = settings.stack_id
    settings.prepare_home()
    supervisor = Supervisor(settings, Composition(settings).stages())
    return asyncio.run(supervisor.run())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start everything, return when it is ready")
    start.add_argument("--demo", action="store_true", help="then run the sample task")
    commands.add_parser("down", help="stop everything, prove that no process is left")
    commands.add_parser("status", help="what runs, where, and how often it was restarted")
    commands.add_parser("run", help="supervise in the foreground until a signal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
