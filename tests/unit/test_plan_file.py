"""A plan as a file to edit: what was written is what is read, and mistakes are named and placed."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.models import Capability, Plan
from tests.ledger_world import plan_of, planned
from ui import plan_file
from ui.plan_file import Mistake, PlanFileMistaken, dump_checks, load_checks

WORDS = st.text(st.sampled_from("ab \n\t:#-|>'\"[]{}&*!%@`~,?0é\u2028\x85\r\ufeff☃"), max_size=60)
ANY_TEXT = st.one_of(
    WORDS,
    st.text(max_size=200),
    st.sampled_from(["yes", "null", "~", "1", "1e3", "2024-01-01", "0o7", "=", "<<", "a\n\n b\n"]),
    st.lists(st.sampled_from(["word", "longer-word", "http://x.example/?a=b"]), min_size=20).map(
        " ".join
    ),
)
CHECKS = st.one_of(
    st.fixed_dictionaries({"kind": st.just("command"), "command": ANY_TEXT}),
    st.fixed_dictionaries({"kind": st.just("text_matches"), "path": ANY_TEXT, "pattern": ANY_TEXT}),
    st.fixed_dictionaries({"kind": st.just("file_exists"), "path": ANY_TEXT}),
)
SUBTASKS = st.fixed_dictionaries(
    {
        "id": st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True),
        "title": ANY_TEXT.filter(lambda text: 0 < len(text) <= 200),
        "description": ANY_TEXT.filter(bool),
        "required_capabilities": st.lists(st.sampled_from(Capability), min_size=1),
        "dependencies": st.lists(ANY_TEXT, max_size=3),
        "priority": st.integers(0, 10),
        "estimated_duration": st.integers(1, 86_400),
        "expected_output": ANY_TEXT,
        "profile": st.none() | ANY_TEXT,
        "checks": st.lists(CHECKS, max_size=2),
    }
)
PLANS = st.builds(
    lambda summary, subtasks: Plan.model_validate({"summary": summary, "subtasks": subtasks}),
    ANY_TEXT,
    st.lists(SUBTASKS, max_size=3),
)


@settings(max_examples=20, deadline=None)
@given(PLANS)
def test_what_was_written_is_what_is_read(plan: Plan) -> None:
    text = plan_file.HELP + plan_file.dump(plan)
    assert plan_file.load(text) == plan
    assert Plan.model_validate(yaml.safe_load(text)) == plan, "any other reader of YAML agrees"
    marked = plan_file.with_mistakes(text, [Mistake("not this", 3)])
    assert plan_file.load(marked) == plan
    assert plan_file.without_mistakes(marked) == text


def test_texts_of_several_lines_are_blocks_and_fields_keep_their_order() -> None:
    plan = plan_of(planned("sum", "load", description="First this.\n\nThen that: all.\n"))
    assert plan_file.dump(plan) == (
        "summary: a plan for a test\n"
        "subtasks:\n"
        "  - id: sum\n"
        "    title: Sum\n"
        "    description: |\n"
        "      First this.\n"
        "\n"
        "      Then that: all.\n"
        "    required_capabilities: [data_analysis]\n"
        "    dependencies: [load]\n"
        "    priority: 5\n"
        "    estimated_duration: 10\n"
        "    expected_output: sum is done\n"
        "    profile: null\n"
        "    checks: []\n"
    )


def test_a_long_line_is_folded_where_it_can_be_edited_without_quotes() -> None:
    text = plan_file.dump(plan_of(planned("sum", description="sum: all # of it " * 12 + "end")))
    assert "description: >-\n" in text
    assert max(len(line) for line in text.splitlines()) < 110


def edited(old: str, new: str) -> str:
    text = plan_file.dump(plan_of(planned("load"), planned("sum", "load")))
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        (edited("priority: 5", "priority: 50"), "subtasks[1].priority: input should be less", 8),
        (edited("title: Load", "title: yes"), "put it in quotes", 4),
        (edited("title: Load", "title: Load: it"), "this is not YAML", 4),
        (edited("id: sum", "name: sum"), "subtasks[2].id: field required", 13),
        (edited("    priority: 5\n", ""), "subtasks[1].priority: field required", 3),
        (edited("id: sum", "id: sum\n    id: other"), "'id' is given twice", 14),
        (edited("checks: []", "checks: [{kind: magic}]"), "subtasks[1].checks[1]", 12),
        (edited("[data_analysis]", "[magic]"), "subtasks[1].required_capabilities[1]", 6),
        ("", "the plan: input should be", None),
        ("[]", "the plan: input should be", 1),
        ("a: \x07", "this is not YAML", None),
    ],
)
def test_a_mistake_is_named_and_placed(text: str, words: str, line: int | None) -> None:
    with pytest.raises(PlanFileMistaken) as caught:
        plan_file.load(text)
    mistake: Any = next(each for each in caught.value.mistakes if words in each.words)
    assert mistake.line == line


def test_mistakes_stand_on_top_with_the_lines_as_they_are_then() -> None:
    text = edited("priority: 5", "priority: 50")
    with pytest.raises(PlanFileMistaken) as caught:
        plan_file.load(text)
    marked = plan_file.with_mistakes(text, caught.value.mistakes)
    told = marked.splitlines()[1]
    number = int(told.partition("line ")[2].partition(":")[0])
    assert marked.splitlines()[number - 1].strip() == "priority: 50"
    again = plan_file.with_mistakes(marked, [Mistake("another\nthing")])
    assert again.count("Not accepted") == 1
    assert "#!   another thing\n" in again


def test_checks_alone_are_written_and_read_again() -> None:
    text = "- kind: file_exists\n  path: a.csv\n  min_bytes: 9\n- kind: command\n  command: make\n"
    checks = load_checks(text)
    assert dump_checks(checks).split() == text.split()
    assert load_checks(dump_checks(checks)) == checks
    assert (load_checks("# none\n"), dump_checks(())) == ((), "")


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("- kind: command\n- kind: nope\n", "check 2: its kind is none of file_exists", 2),
        ("- path: a.csv", "check 1: it needs a kind: file_exists", 1),
        ("- kind: command", "check 1: it needs command", 1),
        ("- kind: command\n  command: a\n  path: b", "path is no field of this kind", 3),
        ("- kind: text_matches\n  path: 3\n  pattern: a", "put it in quotes", 2),
        ("kind: command", "the checks are a list", 1),
        ("- make", "check 1: it is no check; each begins with its kind", 1),
        ("- [", "this is not YAML", 1),
    ],
)
def test_mistaken_checks_are_told_in_plain_words(text: str, words: str, line: int) -> None:
    with pytest.raises(PlanFileMistaken) as caught:
        load_checks(text)
    assert any(words in one.words and one.line == line for one in caught.value.mistakes)
