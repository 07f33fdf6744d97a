"""The list of metrics: their names, their labels, and the dashboard that reads them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.claude_events import ApiRetried, TextSaid, TurnEnded
from agent.metrics import session_said
from agent.reviewer import Judgement
from orchestrator.aggregator import FinalAnswer
from shared import metrics
from shared.claude import PURPOSES
from shared.database import metrics as ledger
from shared.database.statements import load
from shared.models import Plan
from shared.states import SUBTASK_TRANSITIONS, TASK_TRANSITIONS, SubtaskStatus, TaskStatus

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "quintet.json"
CLOSED_SETS = {
    "band",
    "capabilities",
    "doubt",
    "ending",
    "failure_kind",
    "invariant",
    "kind",
    "method",
    "model",
    "outcome",
    "part",
    "purpose",
    "role",
    "route",
    "state",
    "status",
    "transition",
    "verdict",
}


def labels_of(name: str) -> set[str]:
    """The labels that a metric of ours is declared with."""
    collector = metrics.REGISTRY._names_to_collectors[name]
    return set(getattr(collector, "_labelnames", ()))


def panels() -> Iterator[dict[str, Any]]:
    """The dashboard's panels that show something."""
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        if panel["type"] != "row":
            yield panel


def expressions() -> Iterator[str]:
    """Every query of the dashboard."""
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])


def value(name: str, **labels: str) -> float:
    """A figure of this process, 0 while there is none."""
    return metrics.REGISTRY.get_sample_value(f"quintet_{name}", labels) or 0.0


def test_every_metric_is_ours_by_name_and_says_what_it_is() -> None:
    families = list(text_string_to_metric_families(metrics.render().decode()))
    assert len(families) > 25
    assert [each.name for each in families if not each.name.startswith("quintet_")] == []
    assert [each.name for each in families if not each.documentation] == []


def test_labels_come_from_sets_that_are_closed() -> None:
    used = {label for name in metrics.REGISTRY._names_to_collectors for label in labels_of(name)}
    assert used == CLOSED_SETS


def test_every_metric_of_the_dashboard_exists() -> None:
    named = {name for each in expressions() for name in re.findall(r"quintet_\w+", each)}
    assert named - set(metrics.REGISTRY._names_to_collectors) == set()


def test_every_metric_is_on_the_dashboard() -> None:
    shown = " ".join(expressions())
    ours = {family.name for family in metrics.REGISTRY.collect()}
    process = {name for name in ours if name.startswith("quintet_process_")}
    assert {name for name in ours - process if not re.search(rf"{name}(_|\b)", shown)} == set()


def test_the_dashboard_asks_for_labels_that_its_metrics_have() -> None:
    added = {"job", "instance", "le"}  # by Prometheus, and by histograms
    for each in expressions():
        (name, *_) = re.findall(r"quintet_\w+", each)
        known = labels_of(name) | added
        asked = {
            label.strip()
            for group in re.findall(r"by \(([^)]*)\)", each)
            for label in group.split(",")
        }
        asked |= set(re.findall(r"[{,](\w+)[=!]", each))
        assert asked <= known, each


def test_the_dashboard_has_one_number_and_one_place_for_each_panel() -> None:
    every = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_a_purpose_is_known_for_everything_that_is_asked_of_the_model() -> None:
    assert set(PURPOSES) == {each.__name__ for each in (Plan, FinalAnswer, Judgement)}


def test_each_transition_is_counted_under_its_name() -> None:
    moves = metrics.Moves()
    for counted, edges in (("task", TASK_TRANSITIONS), ("subtask", SUBTASK_TRANSITIONS)):
        for edge in edges:
            labels = {"transition": edge.name, "status": edge.target}
            before = value(f"{counted}_transitions_total", **labels)
            moves.note(edge.name, [{"id": 1}, {"id": 2}])
            moves.note(edge.name, [])
            assert value(f"{counted}_transitions_total", **labels) - before == 2, edge.name


def test_only_tasks_that_ended_are_kept_until_they_are_found() -> None:
    moves = metrics.Moves()
    names = ("complete", "claim", "read_step", "start_task", "complete_task", "cancel_tasks")
    for number, name in enumerate(names):
        moves.note(name, [{"id": UUID(int=number)}])
    completed, cancelled = ended = [UUID(int=4), UUID(int=5)]
    for _ in range(3):
        assert moves.ended_tasks() == ended, "an answer that failed loses nothing"
    moves.answered(ended, {completed})
    moves.answered(ended, set())
    assert moves.ended_tasks() == [cancelled], "it may not have been committed yet"
    moves.answered(ended, set())
    assert moves.ended_tasks() == [], "it was rolled back"


def test_an_endpoint_that_invents_models_does_not_invent_series() -> None:
    names = metrics.ModelNames()
    labels = [names.label(f"invented-{number}") for number in range(40)]
    assert len(set(labels)) == 17
    assert labels[-1] == "other"
    assert names.label("invented-0") == "invented-0"


@pytest.mark.parametrize(
    ("status", "label"), [(429, "429"), (529, "529"), (None, "none"), (777, "other")]
)
def test_refusals_are_counted_by_http_status(status: int | None, label: str) -> None:
    before = value("model_errors_total", status=label)
    metrics.refused(status)
    assert value("model_errors_total", status=label) == before + 1


def test_a_session_tells_of_answers_and_of_refusals_that_it_repeats() -> None:
    answered = {"purpose": "agent", "model": "a-model", "outcome": "answered"}
    calls, limits = (
        value("model_calls_total", **answered),
        value("model_errors_total", status="529"),
    )
    for event in (TurnEnded(5), TextSaid("well"), TurnEnded(7), ApiRetried(1, 3, 0.5, 529)):
        session_said(event, "a-model")
    assert value("model_calls_total", **answered) - calls == 2
    assert value("model_errors_total", status="529") - limits == 1


def test_each_count_is_asked_for_and_spells_no_status() -> None:
    code = Path(ledger.__file__).read_text("utf-8")
    for name, statement in load("metrics").items():
        assert f'"{name}"' in code
        words = set(re.findall(r"'(\w+)'", re.sub(r"--.*", "", statement)))
        assert not words & {*TaskStatus, *SubtaskStatus}, name
