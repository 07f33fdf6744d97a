"""The generic plan: valid, acyclic and the same every time, whatever the request."""

from graphlib import TopologicalSorter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.claude_simulator.generic import MAX_SUBTASKS, answer_for, note_for, plan_for
from scripts.claude_simulator.prompt import agent_prompt

WORDS = st.sampled_from(
    [
        "Fetch the page.",
        "Then clean it;",
        "- plot sales",
        "\n",
        "Finally report!",
        "42.",
        "ü?",
        "{{cwd}}",
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(WORDS, max_size=12).map(" ".join))


@settings(max_examples=25, deadline=None)
@given(TEXTS)
def test_any_text_becomes_a_valid_plan(text: str) -> None:
    plan = plan_for(text)
    assert 1 <= len(plan.subtasks) <= MAX_SUBTASKS
    graph = {subtask.id: subtask.dependencies for subtask in plan.subtasks}
    assert len(list(TopologicalSorter(graph).static_order())) == len(plan.subtasks)
    assert all(s.title and s.description and len(s.id) <= 60 for s in plan.subtasks)
    assert plan_for(text) == plan


def test_sentences_run_in_parallel_until_one_joins_them() -> None:
    plan = plan_for(
        "Scrape the news site. Query the database for orders. Write a python script. "
        "Then run it. Finally compare everything in a report."
    )
    scrape, query, script, run, report = plan.subtasks
    assert [s.required_capabilities for s in (scrape, query, script)] == [
        ("web_scraping",),
        ("database_operations",),
        ("code_generation",),
    ]
    assert (scrape.dependencies, query.dependencies, script.dependencies) == ((), (), ())
    assert run.dependencies == (script.id,)
    assert set(report.dependencies) == {scrape.id, query.id, run.id}


@pytest.mark.parametrize(("text", "count"), [("Do one thing", 1), ("a. b. c. d. e. f. g.", 4)])
def test_number_of_subtasks(text: str, count: int) -> None:
    assert len(plan_for(text).subtasks) == count


def test_note_quotes_what_came_before_and_says_what_it_is() -> None:
    prompt = agent_prompt(
        '<subtask key="sum" attempt="1" title="Sum">Sum {{up}} a &lt; b</subtask><prerequisites>'
        '<result key="load" title="Load">{"summary": "611 rows"}</result></prerequisites>'
    )
    note = note_for(prompt)
    assert "Simulated model" in note
    assert "Sum {{up}} a < b" in note
    assert "- Load: 611 rows" in note


def test_answer_counts_what_was_done() -> None:
    answer = answer_for(
        {
            "a": {"title": "A", "status": "completed", "summary": "fine", "output": {"n": 1}},
            "b": {"title": "B", "status": "failed", "error": "no file"},
            "c": {"title": "", "status": "blocked"},
        }
    )
    assert "1 of 3 steps were completed" in answer.answer
    assert "- **B** (failed): no file" in answer.answer
    assert "- **c** (blocked): no result" in answer.answer
    assert answer.result == {"a": {"n": 1}, "b": {}, "c": {}}
