"""`python -m scripts.stack up|down|status|run`: the local stack from the command line."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from rich.console import Console

from scripts import demo
from scripts.stack.composition import Composition
from scripts.stack.control import down, status, up
from scripts.stack.process import StartError
from scripts.stack.settings import MARKER, StackSettings
from scripts.stack.supervisor import Supervisor


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = _parser().parse_args(words)
    console = Console()
    try:
        return _run(arguments, StackSettings.load(), console)
    except StartError as error:
        console.print("Quintet could not start.", style="bold red")
        console.print(str(error), markup=False, highlight=False)
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
