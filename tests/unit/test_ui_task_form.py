"""What is entered to hand in a task: what is wrong with it, its key, and what fills it in."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.models import ContextFile, Readiness
from tests import ui_records as records
from ui.calls import Upload
from ui.new_task import form as task_form
from ui.new_task.examples import EXAMPLES, SAMPLE
from ui.new_task.form import AS_CONFIGURED, Draft, problems

FORM = UUID(int=7)
GOOD = Draft(description="Long enough a task", user="anna")
FILE = Upload("sales.csv", b"a,b\n", "text/csv")


def heavy(megabytes: int) -> Upload:
    return Upload("big.bin", bytes(megabytes << 20))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"description": "short"}, "5 characters; it needs at least 10"),
        ({"description": " " * 30}, "0 characters"),
        ({"description": "x" * 5001}, "shorten it to 5,000"),
        ({"user": " "}, "name is empty"),
        ({"user": "x" * 129}, "The name has 129 characters; shorten it to 128"),
        ({"title": "x" * 201}, "The title has 201 characters; shorten it to 200"),
        ({"files": (heavy(30), heavy(30))}, "60.0 MB; a task takes 50.0 MB in all. Remove"),
        ({"files": (FILE,) * 21}, "21 files; a task takes 20. Remove"),
        ({"description": "Long\u200e enough\x0b a task"}, "2 invisible control characters"),
        ({"title": "\u202eevil"}, "1 invisible control characters"),
    ],
)
def test_a_draft_is_checked_before_it_is_sent(changes: dict[str, Any], said: str) -> None:
    (problem,) = problems(replace(GOOD, **changes))
    assert said in problem


@pytest.mark.parametrize(
    "draft",
    [
        GOOD,
        replace(GOOD, description=f"  {'x' * 5000}\n"),
        replace(GOOD, description="Line\n\tline\r\nΩmega 👩🏽‍🔬"),
        replace(GOOD, files=(heavy(50),)),
    ],
)
def test_a_good_draft_has_no_problem(draft: Draft) -> None:
    assert problems(draft) == []


def test_the_key_is_that_of_the_content_in_its_form() -> None:
    given = replace(GOOD, files=(FILE,))
    assert given.key(FORM) == replace(GOOD, files=(Upload("sales.csv", b"a,b\n"),)).key(FORM)
    others = [
        given.key(UUID(int=8)),
        *(
            replace(given, **change).key(FORM)
            for change in (
                {"description": "Another long task"},
                {"title": "t"},
                {"user": "ben"},
                {"priority": 8},
                {"review": "off"},
                {"approval": True},
                {"files": ()},
                {"files": (Upload("sales.csv", b"a,c\n"),)},
                {"files": (Upload("other.csv", b"a,b\n"),)},
            )
        ),
    ]
    assert len({given.key(FORM), *others}) == 1 + len(others)


def test_space_around_words_makes_no_other_task() -> None:
    loose = replace(GOOD, description=f" {GOOD.description}\n", user="anna ")
    assert loose.tidy().key(FORM) == GOOD.key(FORM)


def test_the_operators_review_is_no_wish() -> None:
    assert GOOD.policy is None
    assert replace(GOOD, review="always").policy == "always"
    assert set(task_form.REVIEWS) == set(task_form.REVIEW_WORDS)


def test_a_task_of_before_fills_the_form_in() -> None:
    files = (ContextFile(name="s.csv", size=3, sha256="0" * 64),)
    task = records.task(
        "completed", priority=7, review="off", require_approval=True, context_files=files
    )
    filling = task_form.from_task(task)
    assert (filling.title, filling.priority) == ("Sales by region", 7)
    assert (filling.review, filling.approval) == ("off", True)
    assert "Choose its files again: s.csv" in task_form.filled_words(filling)
    assert task_form.priority_choices(7) == {
        2: "Can wait",
        5: "Normal",
        7: "Priority 7",
        8: "Urgent",
    }


def test_a_title_that_was_made_of_the_description_is_made_again() -> None:
    made = records.task(description="Which region sold most? Tell me.", title="Which region…")
    assert task_form.from_task(made).title == ""
    assert task_form.from_task(made).review == AS_CONFIGURED


def test_each_title_is_offered_once_the_newest_first_and_few() -> None:
    tasks = [records.task(title=f"Title {n % 9}", priority=n % 10) for n in range(30)]
    offered = task_form.distinct([records.task(title="TITLE 0", priority=9), *tasks])
    assert [one.title for one in offered] == ["TITLE 0", *(f"Title {n}" for n in range(1, 6))]
    assert offered[0].priority == 9


@pytest.mark.parametrize("key", EXAMPLES)
def test_every_example_can_be_handed_in_as_it_is(key: str) -> None:
    filling = EXAMPLES[key].fill()
    draft = Draft(filling.description, filling.title, "anna", files=filling.files)
    assert problems(draft) == []
    assert EXAMPLES[key].card(key)["title"] == filling.name


def test_the_sample_comes_with_its_example_or_is_asked_for(tmp_path: Path) -> None:
    example = EXAMPLES["sales"]
    (file,) = example.fill().files
    assert (file.name, file.content) == ("sales.csv", SAMPLE.read_bytes())
    wished = replace(example.filling, priority=8, review="always", approval=True)
    filled = replace(example, filling=wished).fill()
    assert filled == replace(wished, files=(file,))
    gone = replace(example, sample=tmp_path / "sales.csv").fill()
    assert (gone.files, gone.missing) == ((), ("sales.csv",))


def test_the_room_for_files_is_told_before_and_after() -> None:
    assert task_form.file_words(()).startswith("Up to 20 files, 50.0 MB in all")
    assert task_form.file_words((FILE, FILE)).startswith("2 files, 8 B")


def test_whoever_runs_the_service_sets_the_room_for_files() -> None:
    small = Readiness(status="ready", simulated=True, max_files=1, max_upload_bytes=6)
    assert problems(replace(GOOD, files=(FILE,)), small) == []
    found = problems(replace(GOOD, files=(FILE, FILE)), small)
    assert ["8 B; a task takes 6 B" in found[0], "a task takes 1." in found[1]] == [True, True]
    assert task_form.file_words((), small).startswith("Up to 1 files, 6 B in all")
