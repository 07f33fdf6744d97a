"""The commands a person gives: up, status, down."""

import os
import subprocess
import sys
import time

import psutil
from rich.console import Console

from scripts.stack.display import Progress, status_table, welcome
from scripts.stack.leftovers import await_end, end_leftovers, marked
from scripts.stack.process import StartError, last_lines
from scripts.stack.settings import MARKER, StackSettings
from scripts.stack.state import Health, Notices, Phase, StackState

UP_SECONDS = 600.0
DOWN_SECONDS = 120.0
EXIT_SECONDS = 5.0
PAUSE_SECONDS = 0.1


def up(settings: StackSettings, console: Console) -> None:
    """Start what does not run, wait until all is ready, leave it running."""
    settings.prepare_home()
    notices = Notices(settings.run)
    if notices.supervisor() is None:
        began = time.monotonic()
        _follow(settings, console, _spawn(settings))
        console.print(f"Everything is ready after {time.monotonic() - began:.1f} s.")
    else:
        state = notices.read()
        if state is None or state.phase is not Phase.READY:
            _follow(settings, console, None)
        console.print("Quintet was running already.")
    console.print(welcome(settings), highlight=False, soft_wrap=True)


def status(settings: StackSettings, console: Console) -> int:
    """Print what runs; 0 only when everything is ready."""
    notices = Notices(settings.run)
    state = notices.read()
    if notices.supervisor() is None or state is None:
        console.print("Quintet is not running. Start it with scripts/start.sh")
        for process in marked(settings):
            console.print(f"Left behind: pid {process.pid}; scripts/stop.sh ends it.")
        return 1
    console.print(status_table(state))
    console.print(f"Quintet is {state.phase}, supervised by pid {state.supervisor}.")
    console.print(f"Logs: {settings.logs}", highlight=False, soft_wrap=True)
    steady = all(unit.health in {Health.READY, Health.DONE} for unit in state.units)
    return 0 if state.phase is Phase.READY and steady else 1


def down(settings: StackSettings, console: Console) -> int:
    """Stop everything and prove that nothing is left; 1 when something is."""
    notices = Notices(settings.run)
    supervisor = notices.supervisor()
    if supervisor is not None:
        _end_supervisor(settings, supervisor, console)
    ended = end_leftovers(settings)
    for name in ended:
        console.print(f"Ended what was left behind: {name}", highlight=False)
    left = marked(settings)
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        console.print(f"[red]Still alive: pid {pids}.[/] They may belong to another user.")
        return 1
    if supervisor is None and not ended:
        console.print("Quintet was not running.")
    else:
        console.print(
            f"Quintet is stopped and no process is left. Its data stay in {settings.home}"
        )
    return 0


def _spawn(settings: StackSettings) -> subprocess.Popen[bytes]:
    with (settings.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            (sys.executable, "-m", "scripts.stack", "run"),
            cwd=settings.root,
            env={**os.environ, MARKER: settings.stack_id, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _follow(
    settings: StackSettings, console: Console, supervisor: subprocess.Popen[bytes] | None
) -> None:
    """Show progress until ready; `StartError` when it failed."""
    try:
        with Progress(console) as progress:
            _wait_until_ready(settings, progress, supervisor)
    except KeyboardInterrupt:
        console.print("Interrupted: stopping what was started.")
        down(settings, console)
        raise


def _wait_until_ready(
    settings: StackSettings, progress: Progress, supervisor: subprocess.Popen[bytes] | None
) -> None:
    notices = Notices(settings.run)
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline:
        ended = supervisor is not None and supervisor.poll() is not None
        if ended and notices.supervisor() is not None:
            supervisor, ended = None, False  # somebody else was first: wait for theirs
        state = notices.read()
        if state is not None and (supervisor is None or state.supervisor == supervisor.pid):
            progress.show(state)
            if state.phase is Phase.READY and not ended:
                return
            if state.phase in {Phase.FAILED, Phase.STOPPED}:
                raise StartError(state.error or "Quintet was stopped while it started")
        if ended:
            lines = last_lines(settings.logs / "supervisor.log")
            raise StartError(f"the supervisor ended unexpectedly:\n{lines}")
        time.sleep(PAUSE_SECONDS)
    raise StartError(f"not ready after {UP_SECONDS:.0f} s; scripts/stop.sh stops it")


def _end_supervisor(settings: StackSettings, supervisor: int, console: Console) -> None:
    notices = Notices(settings.run)
    process = psutil.Process(supervisor)
    process.terminate()
    deadline = time.monotonic() + DOWN_SECONDS
    with Progress(console) as progress:
        while notices.supervisor() == supervisor:
            state = notices.read()
            if state is not None:
                progress.show(_stopping(state))
            if time.monotonic() > deadline:
                console.print("The supervisor does not end by itself: killing it.")
                process.kill()
                deadline = time.monotonic() + DOWN_SECONDS
            time.sleep(PAUSE_SECONDS)
    await_end([process], settings, EXIT_SECONDS)


def _stopping(state: StackState) -> StackState:
    """Only what is already stopped is news on the way down."""
    units = [unit for unit in state.units if unit.health is Health.STOPPED]
    return state.model_copy(update={"units": units})
