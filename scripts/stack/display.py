"""How the stack looks in a terminal, and in a log without one."""

from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from scripts.stack.settings import LOOPBACK, PROFILES, StackSettings
from scripts.stack.state import Health, StackState, UnitState

MARKS = {
    Health.WAITING: ("·", "dim"),
    Health.STARTING: ("…", "yellow"),
    Health.READY: ("✓", "green"),
    Health.DONE: ("✓", "green"),
    Health.RESTARTING: ("↻", "yellow"),
    Health.STOPPED: ("■", "dim"),
    Health.FAILED: ("✗", "red"),
}


class Progress:
    """Shows a changing picture: redrawn in a terminal, a line a change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=12, transient=True)
        self._said: dict[str, Health] = {}

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, state: StackState) -> None:
        """Show this picture."""
        if self._console.is_terminal:
            self._live.update(Group(*(_row(unit) for unit in state.units)))
            return
        for unit in state.units:
            if unit.health is not Health.WAITING and self._said.get(unit.name) != unit.health:
                self._said[unit.name] = unit.health
                place = f"  {unit.address}" if unit.health is Health.READY else ""
                self._console.print(f"{unit.name}: {unit.health}{place}", highlight=False)


def _row(unit: UnitState) -> Table | Spinner:
    mark, style = MARKS[unit.health]
    if unit.health is Health.STARTING:
        return Spinner("dots", text=Text(unit.name, style="bold"), style=style)
    row = Table.grid(padding=(0, 1))
    row.add_row(Text(mark, style=style), Text(unit.name, style=style), Text(unit.address, "dim"))
    return row


def status_table(state: StackState) -> Table:
    """Every unit with its health, process, address and restarts."""
    table = Table("", "name", "status", "pid", "address", "restarts", box=None)
    for unit in state.units:
        mark, style = MARKS[unit.health]
        health = f"{unit.health} ({unit.detail})" if unit.detail else str(unit.health)
        pid = str(unit.pid) if unit.pid else ""
        table.add_row(
            Text(mark, style=style),
            unit.name,
            Text(health, style=style),
            pid,
            unit.address,
            str(unit.restarts or ""),
        )
    return table


def welcome(settings: StackSettings) -> Text:
    """Where everything is, and whether the model is real; print it with `soft_wrap`.

    Without a frame and without wrapping an address can be copied from any terminal.
    """
    first = settings.agent_base_port
    agents = f"http://{LOOPBACK}:{first} to {first + len(PROFILES) - 1}"
    rows = {
        "Dashboard": Text(settings.dashboard_url, style="bold cyan"),
        "API": Text(f"{settings.api_url}/docs", style="cyan"),
        "Agents": Text(agents, style="cyan"),
        "Model": _model(settings),
        "Logs": Text(str(settings.logs)),
        "Stop": Text("scripts/stop.sh"),
    }
    database = settings.home / "postgres"
    if database.is_symlink():
        where = f"in {database.resolve()}: PostgreSQL refuses root, and its user cannot get here"
        rows["Database"] = Text(where, style="yellow")
    lines = [Text.assemble("  ", (name.ljust(11), "bold"), row) for name, row in rows.items()]
    return Text("\n").join([Text("Quintet is running", style="bold green"), *lines])


def _model(settings: StackSettings) -> Text:
    if settings.simulated:
        words = "Simulated model: set ANTHROPIC_API_KEY in .env or the environment for a real one"
        return Text(words, style="bold yellow")
    endpoint = settings.environment.get("ANTHROPIC_BASE_URL", "Anthropic")
    return Text(endpoint.rpartition("@")[2])
