"""Scenario files: the ones we ship are sound, a broken one says what is wrong with it."""

from pathlib import Path

import pytest

from scripts.claude_simulator.scenario import (
    ScenarioError,
    choose,
    choose_for_results,
    load_scenario,
    load_scenarios,
)

SOUND = """
[match]
words = [["tea", "coffee"], ["brew"]]

[plan]
summary = "s"
[[plan.subtasks]]
id = "brew"
title = "t"
description = "d"
required_capabilities = ["code_generation"]
expected_output = "o"

[[scripts.brew.turns]]
[[scripts.brew.turns.calls]]
tool = "Write"
input = { content = "{{file.tea.txt}}" }
[scripts.brew.result]
summary = "done"
"""


def scenario_file(folder: Path, text: str) -> Path:
    (folder / "brewing").mkdir()
    (folder / "brewing" / "tea.txt").write_text("tea")
    path = folder / "brewing.toml"
    path.write_text(text)
    return path


def test_shipped_scenarios_load_most_specific_first() -> None:
    names = [scenario.name for scenario in load_scenarios()]
    assert names == ["sales", "broken_branch", "second_try", "single"]


def test_sales_plan_is_parallel_twice_and_needs_four_agents() -> None:
    sales = load_scenarios()[0]
    dependencies = [frozenset(subtask.dependencies) for subtask in sales.plan.subtasks]
    needs = {frozenset(subtask.required_capabilities) for subtask in sales.plan.subtasks}
    assert len(dependencies) == 7
    assert dependencies.count(frozenset({"clean"})) == 2
    assert {"totals", "margins"} <= dependencies[4] & dependencies[5]
    assert len(needs) == 4


@pytest.mark.parametrize(
    ("request_text", "files", "name"),
    [
        ("Analyse our sales", ("Sales-2025.csv",), "sales"),
        ("Analyse our sales", (), None),
        ("A one-line poem please", (), "single"),
        ("Show me a broken branch", (), "broken_branch"),
        ("Something else", (), None),
    ],
)
def test_scenario_is_chosen(request_text: str, files: tuple[str, ...], name: str | None) -> None:
    chosen = choose(load_scenarios(), request_text, files)
    assert (chosen and chosen.name) == name


def test_results_of_an_edited_plan_have_no_scenario() -> None:
    scenarios = load_scenarios()
    assert choose_for_results(scenarios, "a haiku", {"write": {}}) is not None
    assert choose_for_results(scenarios, "a haiku", {"write": {}, "more": {}}) is None


def test_files_beside_a_scenario_are_its_texts(tmp_path: Path) -> None:
    scenario = load_scenario(scenario_file(tmp_path, SOUND))
    assert scenario.name == "brewing"
    assert scenario.texts() == {"tea.txt": "tea"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[match]", "[match", "brewing.toml: Expected ']'"),
        ('summary = "s"', 'sumary = "s"', "plan.summary: Field required"),
        ("code_generation", "cooking", "required_capabilities.0: Input should be"),
        ('id = "brew"', 'id = "Brew it"', "plan.subtasks.0.id: String should match"),
        ('id = "brew"', 'id = "boil"', r"no script for the subtasks \['boil'\]"),
        ("tea.txt", "milk.txt", "file.milk.txt.*no such file beside the scenario"),
        ('summary = "done"', 'summary = "{{key|loud}}"', "known filters are"),
        ('expected_output = "o"', 'expected_output = "o"\ndependencies = ["x"]', "unknown"),
        ('expected_output = "o"', 'expected_output = "o"\ndependencies = ["brew"]', "cycle"),
    ],
)
def test_broken_scenario_is_explained(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in SOUND
    with pytest.raises(ScenarioError, match=says):
        load_scenario(scenario_file(tmp_path, SOUND.replace(old, new)))


def test_missing_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such folder"):
        load_scenarios(tmp_path / "absent")
