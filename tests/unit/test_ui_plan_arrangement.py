"""What the browser gets: folded, in order, with a place for everything."""

import json
from itertools import combinations
from typing import Any

from shared.models import TaskView
from shared.states import SubtaskStatus
from tests import ui_records as records
from ui.plan.arrangement import arranged
from ui.plan.folding import Folding
from ui.plan.graph import drawing
from ui.plan.sketch import Link

AT = records.later(31)
AUTO = Folding()


def arrange(task: TaskView, folding: Folding = AUTO, picked: str | None = None) -> Any:
    return json.loads(json.dumps(arranged(drawing(task, picked, AT), folding)))


def fan() -> TaskView:
    parts = [
        records.subtask(f"part-{n}", status, "load", title=f"Count part {n}")
        for n, status in enumerate(["completed"] * 10 + ["running"] * 3 + ["pending"])
    ]
    return records.task(
        "in_progress",
        records.subtask("load", "completed"),
        *parts,
        records.subtask("report", "pending", *(part.key for part in parts)),
    )


def test_every_card_and_edge_has_a_place() -> None:
    found = arrange(fan(), picked="load")
    keys = {node["key"] for node in found["nodes"]}
    assert len(keys) == 16
    assert found["selected"] == "load"
    assert found["fold"] == {"mode": "open", "opened": [], "possible": True}
    for layout in found["layouts"].values():
        assert set(layout["boxes"]) == keys
        assert set(layout["paths"]) == {edge["id"] for edge in found["edges"]}


def test_a_folded_group_says_how_its_members_stand() -> None:
    found = arrange(fan(), Folding("folded"), picked="part-11")
    load, group, report = found["nodes"]
    assert group["title"] == "14 subtasks: 3 running, 1 waiting, 10 done"
    assert (group["note"], group["status"]) == ("Count part …", "running")
    assert group["label"].startswith("14 subtasks: 3 running, 1 waiting, 10 done, folded")
    assert group["within"], "it holds what is picked"
    assert (group["before"], report["before"]) == (["load"], [group["key"]])
    assert [edge["flow"] for edge in found["edges"]] == ["active", "idle"]
    assert not load["fold"]


def test_an_opened_group_is_a_frame_with_its_cards_in_it() -> None:
    found = arrange(fan(), Folding("folded", frozenset({"fold:part-0"})))
    assert [frame["title"] for frame in found["frames"]] == ["14 subtasks"]
    assert len(found["nodes"]) == 16
    inside = [node for node in found["nodes"] if node["frame"] == "fold:part-0"]
    assert len(inside) == 14
    for layout in found["layouts"].values():
        x, y, width, height = layout["frames"]["fold:part-0"]
        for node in inside:
            left, top, across, down = [*layout["boxes"][node["key"]], *layout["box"]][:4]
            assert x < left < left + across < x + width
            assert y < top < top + down < y + height
        across, down = layout["box"]
        for one, other in combinations(layout["boxes"].values(), 2):
            assert abs(one[0] - other[0]) >= across or abs(one[1] - other[1]) >= down


def test_the_critical_path_is_marked_on_cards_edges_groups_and_in_words() -> None:
    found = arrange(fan())
    critical = {node["key"] for node in found["nodes"] if node["critical"]}
    assert {"load", "report"} < critical
    assert len(critical) == 3
    assert sum(edge["critical"] for edge in found["edges"]) == 2
    assert found["sentence"].startswith("The longest chain: load → part-")
    label = next(node["label"] for node in found["nodes"] if node["key"] == "load")
    assert label == "Title of load, completed, depends on nothing, on the critical path"
    group = arrange(fan(), Folding("folded"))["nodes"][1]
    assert group["critical"]
    assert group["label"].endswith("1 on the critical path")


def test_a_status_that_changes_moves_nothing() -> None:
    before = fan()
    changed = tuple(
        one.model_copy(update={"status": SubtaskStatus.FAILED}) if one.key == "part-3" else one
        for one in before.subtasks
    )
    after = before.model_copy(update={"subtasks": changed})
    for folding in (Folding("folded"), Folding("open")):
        assert arrange(before, folding)["layouts"] == arrange(after, folding)["layouts"]


def test_links_in_a_circle_are_left_out_rather_than_drawn_nowhere() -> None:
    sketch = drawing(fan(), None, AT)
    links = [*sketch.links, Link("report", "load")]
    found = arranged(type(sketch)(sketch.cards, links, None, ""), Folding("open"))
    assert {edge["id"] for edge in found["edges"]} == set(found["layouts"]["wide"]["paths"])


def large() -> TaskView:
    found = [records.subtask("n0")]
    for number in range(1, 200):
        ends = {f"n{(number * 7) % number}", f"n{max(0, number - 9)}", f"n{number // 3}"}
        found.append(records.subtask(f"n{number}", "pending", *sorted(ends)[:2]))
    return records.task("in_progress", *found)


def test_two_hundred_subtasks_with_four_hundred_edges_are_arranged() -> None:
    found = arrange(large(), Folding("open"))
    assert len(found["nodes"]) == 200
    assert len(found["edges"]) > 300
    assert found["layouts"]["tall"] is None, "a tangle has no column"
    assert len(arrange(large())["nodes"]) <= 40
