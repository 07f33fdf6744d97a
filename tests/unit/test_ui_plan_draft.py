"""A plan while it is edited, and what is said of it."""

from shared.models import Plan
from tests.steered_task import planned, version
from ui.plan_words import (
    check_words,
    compared,
    needs,
    size_words,
    tally_of,
    time_words,
    value_words,
    waves,
)
from ui.task_page.plan_draft import Draft, changed, checked, errors_of, errors_of_all

PLAN = Plan(
    summary="Load, compare, report.",
    subtasks=(
        planned("load", checks=[{"kind": "file_exists", "path": "a.csv"}]),
        planned("compare", "load", estimated_duration=120),
        planned("draw", "load"),
        planned("report", "compare", "draw"),
    ),
)


def draft() -> Draft:
    return Draft.of(version(1, PLAN))


def links(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {one.id: one.dependencies for one in plan.subtasks}


def test_a_new_name_is_followed_by_who_waits_for_it() -> None:
    edited = draft()
    edited.put("load", id="read")
    assert edited.selected == "read"
    assert links(edited.plan)["compare"] == ("read",)
    assert links(edited.plan)["report"] == ("compare", "draw")


def test_a_late_word_of_a_browser_changes_only_its_own_subtask() -> None:
    edited = draft()
    edited.select("compare")
    edited.put("load", title="Read it")
    assert edited.selected == "compare"
    assert [one.title for one in edited.plan.subtasks][:2] == ["Read it", "Title of compare"]
    edited.put("gone", title="Nothing")
    assert len(edited.plan.subtasks) == 4


def test_who_waited_for_a_removed_subtask_waits_for_what_it_waited_for() -> None:
    edited = draft()
    edited.select("compare")
    edited.remove()
    assert links(edited.plan) == {"load": (), "draw": ("load",), "report": ("draw", "load")}
    assert edited.selected == "draw"


def test_added_subtasks_wait_for_the_selected_one_and_never_share_a_name() -> None:
    edited = draft()
    edited.add()
    first = edited.selected
    assert links(edited.plan)[first] == ("load",)
    edited.remove()
    edited.add()
    assert edited.selected != first
    assert "it needs a description" in errors_of(checked(edited.plan)[1], edited.selected)[0]
    edited.put(edited.selected, description="Look at it once more")
    assert checked(edited.plan)[1] == []


def test_everything_can_be_removed_and_that_is_said() -> None:
    edited = draft()
    for _ in PLAN.subtasks:
        edited.select(edited.plan.subtasks[0].id)
        edited.remove()
    edited.select("load")
    assert (edited.subtask, edited.selected) == (None, "")
    assert checked(edited.plan) == (None, ["the plan has no subtask; add at least one"])


def test_what_cannot_be_sent_is_told_of_the_subtask_that_it_concerns() -> None:
    edited = draft()
    edited.put("load", title="", required_capabilities=())
    edited.put("draw", id="Draw it!")
    plan, errors = checked(edited.plan)
    assert plan is None
    assert errors_of(errors, "load") == [
        "subtask 'load': it needs a title of at most 200 characters",
        "subtask 'load': say what its agent must be able to do",
    ]
    assert "begins with a letter" in errors_of(errors, "Draw it!")[0]


def test_a_name_that_another_has_is_refused_until_it_is_another() -> None:
    edited = draft()
    edited.select("draw")
    edited.put("draw", id="compare")
    assert [one.id for one in edited.plan.subtasks] == ["load", "compare", "draw", "report"]
    assert edited.selected == "draw"
    (said,) = errors_of(edited.errors, "draw")
    assert "cannot be called 'compare'" in said
    assert errors_of(edited.errors, "compare") == []
    edited.put("draw", id="paint")
    assert (edited.errors, edited.selected) == ([], "paint")


def test_checks_are_written_and_nothing_typed_is_lost() -> None:
    edited = draft()
    edited.write_checks("load", "- kind: command\n  command: make\n  # mine\n")
    assert [check_words(one) for one in edited.plan.subtasks[0].checks] == ["runs make"]
    edited.write_checks("load", "- kind: commando\n")
    assert [check_words(one) for one in edited.plan.subtasks[0].checks] == ["runs make"]
    (said,) = errors_of(edited.said, "load")
    assert "line 1: check 1: its kind is none of file_exists, command" in said
    edited.put("load", id="read")
    assert edited.written == {"read": "- kind: commando\n"}
    assert (edited.sendable()[0], edited.sendable()[1]) == (None, errors_of(edited.said, "read"))
    edited.select("read")
    edited.restore_checks()
    assert edited.said == []
    assert edited.plan.subtasks[0].checks == ()  # a subtask of that name is not in the version
    edited.write_checks("draw", "a: b")
    assert edited.changed
    edited.select("draw")
    edited.remove()
    assert edited.sendable()[1] == []


def test_a_name_that_is_used_twice_is_told() -> None:
    twice = changed(draft().plan, "draw", id="compare")
    assert checked(twice)[1] == [
        "subtask 'compare' is there more than once; give one of them another name"
    ]


def test_the_service_s_errors_stand_beside_what_they_concern() -> None:
    errors = ["subtask 'load' depends on itself", "the dependencies form a cycle: load -> load"]
    assert errors_of(errors, "load") == errors[:1]
    assert errors_of_all(errors, PLAN) == errors[1:]


def test_edits_are_kept_on_a_newer_version_or_dropped_for_it() -> None:
    edited = draft()
    edited.put("load", title="Mine")
    newer = version(2, PLAN.model_copy(update={"summary": "Another."}))
    edited.onto(newer)
    assert (edited.base.version, edited.plan.subtasks[0].title) == (2, "Mine")
    edited.restart(newer)
    assert (edited.plan, edited.changed, edited.turn) == (newer.plan, False, 1)


def test_what_was_edited_is_compared_as_versions_are() -> None:
    edited = draft()
    edited.put("load", priority=9)
    edited.add()
    edited.select("draw")
    edited.remove()
    changes = compared(edited.base, edited.plan)
    kinds = {one.id: one.kind for one in changes.subtasks}
    assert kinds == {"load": "changed", "report": "changed", "new-1": "added", "draw": "removed"}
    assert tally_of(changes) == "1 added, 1 removed, 2 changed"
    (field,) = changes.subtasks[0].fields
    assert (field.field, field.before, field.after) == ("priority", 5, 9)
    assert tally_of(compared(version(1, PLAN), PLAN)) == "Nothing is different"


def test_a_plan_in_words() -> None:
    assert [[one.id for one in wave] for wave in waves(PLAN)] == [
        ["load"],
        ["compare", "draw"],
        ["report"],
    ]
    assert size_words(PLAN) == "4 subtasks, 1 of them can start at once"
    assert time_words(PLAN) == "About 4 min if there are agents enough (5 min of work in all)."
    assert needs(PLAN.subtasks[0]) == "data analysis · about 1 min · priority 5 · 1 check"


def test_waves_end_on_a_cycle_too() -> None:
    circle = PLAN.model_copy(update={"subtasks": (planned("a", "b"), planned("b", "a"))})
    assert [len(wave) for wave in waves(circle)] == [2]
    assert "no subtask of it can start" in time_words(circle)


def test_values_are_told_as_people_read_them() -> None:
    check = PLAN.subtasks[0].checks[0]
    assert check_words(check) == "a.csv exists with at least 1 B"
    assert value_words("checks", (check,)) == "- a.csv exists with at least 1 B"
    sent = value_words("checks", [{"kind": "command", "command": "make"}])
    assert sent == "- command: command make"
    assert value_words("estimated_duration", 90) == "1 min 30 s"
    assert value_words("required_capabilities", ["web_scraping"]) == "web scraping"
    assert (value_words("dependencies", []), value_words("profile", None)) == ("nothing",) * 2
    assert value_words("dependencies", ["a", "b"]) == "a, b"
