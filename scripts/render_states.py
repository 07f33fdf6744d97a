"""Write `docs/state_machine.md` from the transitions, or check that it is fresh."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from shared.states import (
    SUBTASK_TERMINAL,
    SUBTASK_TRANSITIONS,
    TASK_TERMINAL,
    TASK_TRANSITIONS,
    S,
    SubtaskStatus,
    TaskStatus,
    Transition,
)

PAGE = Path(__file__).parent.parent / "docs" / "state_machine.md"
HEAD = """# Statuses and transitions

Rendered from `shared/states.py` by `python -m scripts.render_states`; do not edit.

Each name on an arrow is a transition, and the one SQL statement that makes it has the same name. A
name in brackets is a move that a person asks for; all others the services make by themselves. A
status is terminal when no move of theirs leaves it. The database refuses what is not drawn here.
"""


def render() -> str:
    """The whole page."""
    task = _section("A task", TaskStatus, TASK_TRANSITIONS, TASK_TERMINAL)
    subtask = _section("A subtask", SubtaskStatus, SUBTASK_TRANSITIONS, SUBTASK_TERMINAL)
    return "\n".join((HEAD, task, subtask))


def is_fresh(page: Path = PAGE) -> bool:
    """Whether the page says what the transitions say now."""
    return page.exists() and page.read_text("utf-8") == render()


def _section(
    title: str,
    statuses: Sequence[S] | type[S],
    transitions: Sequence[Transition[S]],
    terminal: frozenset[S],
) -> str:
    ended = [status for status in statuses if status in terminal]
    return "\n".join(
        (
            f"## {title}\n",
            _diagram(list(statuses), transitions, ended),
            _table(list(statuses), transitions),
            f"Terminal: {', '.join(_code(ended))}.\n",
        )
    )


def _diagram(
    statuses: Sequence[S], transitions: Sequence[Transition[S]], ended: Sequence[S]
) -> str:
    arrows: dict[tuple[S, S], list[str]] = defaultdict(list)
    for edge in transitions:
        name = f"[{edge.name}]" if edge.by_hand else edge.name
        for source in edge.sources:
            arrows[source, edge.target].append(name)
    lines: list[str] = ["```mermaid", "stateDiagram-v2", f"    [*] --> {statuses[0]}"]
    for source in statuses:
        for target in statuses:
            if names := arrows.get((source, target)):
                lines.append(f"    {source} --> {target}: {', '.join(names)}")
    lines += [f"    {status} --> [*]" for status in ended]
    return "\n".join([*lines, "```\n"])


def _table(statuses: Sequence[S], transitions: Sequence[Transition[S]]) -> str:
    lines: list[str] = ["| transition | from | to | asked for by |", "| --- | --- | --- | --- |"]
    for edge in transitions:
        sources = ", ".join(_code(status for status in statuses if status in edge.sources))
        who = "a person" if edge.by_hand else "the services"
        lines.append(f"| `{edge.name}` | {sources} | `{edge.target}` | {who} |")
    return "\n".join([*lines, ""])


def _code(statuses: Iterable[StrEnum]) -> list[str]:
    return [f"`{status}`" for status in statuses]


def main() -> int:
    """Exit code 1 when `--check` finds the page stale."""
    parser = argparse.ArgumentParser(prog="python -m scripts.render_states", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when stale")
    if not parser.parse_args().check:
        PAGE.write_text(render(), "utf-8")
        return 0
    if is_fresh():
        return 0
    print(f"stale: {PAGE.name}; run python -m scripts.render_states", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
