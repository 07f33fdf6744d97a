"""Scenario files: the ones we ship are sound, a broken one says what is wrong with it."""

from pathlib import Path

import pytest

from orchestrator.plan import validate
from scripts.claude_simulator.conduct import Correction, Outcome, ScriptedCall, SubtaskScript, Turn
from scripts.claude_simulator.scenario import (
    ScenarioError,
    choose,
    choose_for_results,
    load_scenario,
    load_scenarios,
)
from scripts.demo import DESCRIPTION, SAMPLE
from shared.models import Plan

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


# A request for each scenario that needs no file.
ASKED = {
    "backend_fix": "Write the backend module for our order prices, with tests.",
    "broken_branch": "Do the broken branch, please.",
    "false_claim": "Show me how a false claim is found.",
    "looping": "Wait for the delivery and go round in circles.",
    "never_passes": "Compute a median with a test that never passes.",
    "no_tools": "Sort the letters without any tool.",
    "rework": "Write a report on the week that needs rework.",
    "second_try": "Write a letter at the second try.",
    "single": "Write a one-line haiku about five players into a file.",
    "vacuous": "Greet us, with a vacuous check.",
    "vacuous_again": "Say farewell, with a vacuous plan.",
}


def scenario_file(folder: Path, text: str) -> Path:
    (folder / "brewing").mkdir()
    (folder / "brewing" / "tea.txt").write_text("tea")
    path = folder / "brewing.toml"
    path.write_text(text)
    return path


def test_shipped_scenarios_load_most_specific_first() -> None:
    names = [scenario.name for scenario in load_scenarios()]
    assert names == ["sales", *sorted(ASKED)]


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
        ("Something else", (), None),
        (DESCRIPTION, (SAMPLE.name,), "sales"),
    ],
)
def test_scenario_is_chosen(request_text: str, files: tuple[str, ...], name: str | None) -> None:
    chosen = choose(load_scenarios(), request_text, files)
    assert (chosen and chosen.name) == name


def test_no_request_fits_two_scenarios() -> None:
    scenarios = load_scenarios()
    for name, asked in {**ASKED, "sales": DESCRIPTION}.items():
        assert [each.name for each in scenarios if each.match.fits(asked, None)] == [name]


def test_every_plan_is_one_that_the_product_accepts() -> None:
    for scenario in load_scenarios():
        for plan in scenario.plans:
            accepted = Plan.model_validate(plan.model_dump())
            assert validate(accepted, profiles=["backend"]) == []


def test_corrections_follow_their_numbers_and_the_last_one_serves_for_the_rest() -> None:
    call = ScriptedCall(tool="Bash")
    first, second = (Turn(say=say, calls=(call,)) for say in ("first", "second"))
    own = Outcome(summary="own")
    script = SubtaskScript(
        corrections=(Correction(turns=(first,), result=own), Correction(turns=(second,))),
        result=Outcome(summary="usual"),
    )
    turns = [[turn.say for turn in script.turns_of(number)] for number in range(4)]
    assert turns == [[], ["first"], ["second"], ["second"]]
    results = [script.result_of(number).summary for number in range(4)]
    assert results == ["usual", "own", "usual", "usual"]


def test_script_without_corrections_does_nothing_more() -> None:
    turn = Turn(calls=(ScriptedCall(tool="Bash"),), repeat=3)
    script = SubtaskScript(turns=(turn,), result=Outcome(summary="s"))
    assert len(list(script.turns_of(0))) == 3
    assert list(script.turns_of(1)) == []
    assert script.result_of(1) == script.result


def test_results_of_a_second_plan_have_its_scenario(tmp_path: Path) -> None:
    replan = SOUND[SOUND.index("[plan]") : SOUND.index("[[scripts")].replace("plan", "replan")
    again = replan.replace('id = "brew"', 'id = "again"')
    script = '[scripts.again]\nresult = { summary = "s" }\n'
    scenario = load_scenario(scenario_file(tmp_path, SOUND + again + script))
    assert [plan.keys for plan in scenario.plans] == [{"brew"}, {"again"}]
    assert choose_for_results([scenario], "brew tea", {"again": {}}) is scenario
    assert choose_for_results([scenario], "brew tea", {"brew": {}, "again": {}}) is None


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
        (
            "[[scripts.brew.turns]]",
            "[[reviews.boil]]\n[[scripts.brew.turns]]",
            "reviews of subtask",
        ),
        ('summary = "done"', 'summary = "done"\n[reviews]\nbrew = []', "at least 1 item"),
        ("[[scripts.brew.turns.calls]]", "repeat = 0\n[[scripts.brew.turns.calls]]", "repeat: "),
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
