"""The two state machines: sound in themselves, and drawn as they are."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from scripts import render_states
from shared.states import (
    SUBTASK_TERMINAL,
    SUBTASK_TRANSITIONS,
    TASK_TERMINAL,
    TASK_TRANSITIONS,
    SubtaskStatus,
    TaskStatus,
    Transition,
)

Edges = Sequence[Transition[Any]]
ALL: tuple[Transition[Any], ...] = (*TASK_TRANSITIONS, *SUBTASK_TRANSITIONS)
MACHINES = pytest.mark.parametrize(
    ("statuses", "edges", "terminal"),
    [
        pytest.param(TaskStatus, TASK_TRANSITIONS, TASK_TERMINAL, id="task"),
        pytest.param(SubtaskStatus, SUBTASK_TRANSITIONS, SUBTASK_TERMINAL, id="subtask"),
    ],
)


def reached(edges: Iterable[Transition[Any]], start: StrEnum) -> set[StrEnum]:
    """Every status that can follow, `start` included."""
    known, pairs = {start}, [(source, edge.target) for edge in edges for source in edge.sources]
    while fresh := {target for source, target in pairs if source in known} - known:
        known |= fresh
    return known


def test_the_terminal_statuses_are_the_ones_people_expect() -> None:
    assert {*TASK_TERMINAL} == {"completed", "failed", "cancelled"}
    assert {*SUBTASK_TERMINAL} == {"completed", "failed", "cancelled", "blocked"}


@MACHINES
def test_terminal_is_what_only_a_person_leaves(
    statuses: type[StrEnum], edges: Edges, terminal: frozenset[StrEnum]
) -> None:
    assert {status for status in statuses if reached(_automatic(edges), status) == {status}} == {
        *terminal
    }


@MACHINES
def test_every_status_is_reachable(
    statuses: type[StrEnum], edges: Edges, terminal: frozenset[StrEnum]
) -> None:
    assert reached(edges, next(iter(statuses))) == {*statuses}


@MACHINES
def test_nothing_waits_for_a_person_to_end(
    statuses: type[StrEnum], edges: Edges, terminal: frozenset[StrEnum]
) -> None:
    for status in statuses:
        assert reached(_automatic(edges), status) & terminal, status


@MACHINES
def test_no_transition_stays_where_it_is_or_comes_from_nowhere(
    statuses: type[StrEnum], edges: Edges, terminal: frozenset[StrEnum]
) -> None:
    for edge in edges:
        assert edge.sources, edge.name
        assert edge.target not in edge.sources, edge.name


def test_names_are_unique_over_both_machines() -> None:
    names = [edge.name for edge in ALL]
    assert len(names) == len({*names})


def test_a_person_may_stop_whatever_is_open() -> None:
    stoppable = {source for edge in TASK_TRANSITIONS for source in edge.sources if edge.by_hand}
    assert {*TaskStatus} - TASK_TERMINAL <= stoppable


def test_the_page_is_fresh() -> None:
    assert render_states.is_fresh(), "run python -m scripts.render_states"


def test_a_changed_page_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "state_machine.md"
    assert not render_states.is_fresh(page)
    page.write_text(render_states.render(), "utf-8")
    assert render_states.is_fresh(page)
    page.write_text(page.read_text("utf-8").replace("`claim`", "`grab`"), "utf-8")
    assert not render_states.is_fresh(page)


def test_the_page_shows_every_transition_as_an_arrow_and_as_a_row() -> None:
    text = render_states.render()
    for edge in ALL:
        assert f"| `{edge.name}` |" in text
        label = f"[{edge.name}]" if edge.by_hand else edge.name
        for source in edge.sources:
            arrows = [line for line in text.splitlines() if f" {source} --> {edge.target}:" in line]
            assert any(label in line for line in arrows), (source, edge.name)


def _automatic(edges: Edges) -> list[Transition[Any]]:
    return [edge for edge in edges if not edge.by_hand]
