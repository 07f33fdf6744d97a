"""The simulated model: who asks decides what is answered, a scenario decides with which words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.claude_simulator import feedback, generic
from scripts.claude_simulator.markers import read_markers, without_markers
from scripts.claude_simulator.messages import Caller, ModelRequest
from scripts.claude_simulator.plan import Plan
from scripts.claude_simulator.prompt import (
    AgentPrompt,
    agent_prompt,
    aggregator_prompt,
    first,
    planner_prompt,
    reviewer_prompt,
)
from scripts.claude_simulator.reply import Reply, say, say_json
from scripts.claude_simulator.review import judgement_of
from scripts.claude_simulator.scenario import Answer, Scenario, choose, choose_for_results
from scripts.claude_simulator.schema import conform
from scripts.claude_simulator.script import failure, give_result, next_reply
from scripts.claude_simulator.template import TemplateError, render

LABEL = (
    "> Simulated model: no model was called. The words are scripted; "
    "the files and the numbers were made by real tools."
)
_MARK = {
    Caller.PLANNER: "<request",
    Caller.AGGREGATOR: "<request",
    Caller.AGENT: "<subtask",
    Caller.REVIEWER: "<subtask",
}


def person_asks(request: ModelRequest) -> str:
    """The person's own words in a request, markers included; empty where nobody asked."""
    text = _prompt(request)
    match request.caller:
        case Caller.PLANNER:
            return planner_prompt(text).request
        case Caller.AGENT:
            return agent_prompt(text).request
        case Caller.AGGREGATOR:
            return aggregator_prompt(text).request
        case Caller.REVIEWER:
            return reviewer_prompt(text).request
        case _:
            return ""


def conversation_key(request: ModelRequest) -> str:
    """The same for every try at the same conversation, whatever a client adds between tries."""
    parts: tuple[object, ...] = (request.caller, person_asks(request))
    if request.caller is Caller.AGENT:
        prompt = agent_prompt(_prompt(request))
        parts = (*parts, prompt.key, prompt.attempt, prompt.task_dir)
    if request.caller is Caller.REVIEWER:
        parts = (*parts, reviewer_prompt(_prompt(request)))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def answer(request: ModelRequest, scenarios: Sequence[Scenario], *, cyclic: bool = False) -> Reply:
    """What the model says to this request; `cyclic` spoils a plan."""
    match request.caller:
        case Caller.PLANNER:
            return _plan(request, scenarios, cyclic)
        case Caller.AGENT:
            return _work(request, scenarios)
        case Caller.AGGREGATOR:
            return _aggregate(request, scenarios)
        case Caller.REVIEWER:
            return _review(request, scenarios)
        case _:
            return _anything(request)


def _plan(request: ModelRequest, scenarios: Sequence[Scenario], cyclic: bool) -> Reply:
    prompt = planner_prompt(_prompt(request))
    wish = without_markers(prompt.request)
    scenario = choose(scenarios, wish, prompt.files)
    plan = _planned(scenario, request) if scenario else generic.plan_for(wish)
    plan = _as_wanted(plan, request)
    value = _with_cycle(plan) if cyclic else plan.model_dump(mode="json")
    return say_json(conform(value, request.schema or {}))


def _planned(scenario: Scenario, request: ModelRequest) -> Plan:
    """The scenario's plan, or its second one once checks of the first were found vacuous."""
    errors = (first(text, "errors").text.lower() for text in request.user_texts())
    if scenario.replan is not None and any("vacuous" in each for each in errors):
        return scenario.replan
    return scenario.plan


def _as_wanted(plan: Plan, request: ModelRequest) -> Plan:
    """The plan that a person sent back, changed as they say; without such, the plan given."""
    for said, answered in reversed(request.exchanges()):
        wish = first(answered, "feedback").text
        if wish:
            return feedback.changed(Plan.model_validate_json(said), wish)
    return plan


def _with_cycle(plan: Plan) -> dict[str, Any]:
    value = plan.model_dump(mode="json")
    head, tail = value["subtasks"][0], value["subtasks"][-1]
    head["dependencies"] = [tail["id"]]
    tail["dependencies"] = sorted({*tail["dependencies"], head["id"]})
    return value


def _work(request: ModelRequest, scenarios: Sequence[Scenario]) -> Reply:
    text = _prompt(request)
    prompt = agent_prompt(text)
    if not prompt.key:
        return _anything(request)
    if read_markers(prompt.request).fails(prompt.key, prompt.attempt):
        if request.rounds()[-1].finished:
            return say("The structured result above is final.")
        return failure("the request asked the simulator to let this subtask fail", request)
    scenario = _scenario_of(prompt, scenarios)
    if scenario is None:
        note = generic.note_for(prompt)
        return next_reply(generic.script_for(), prompt, request, {generic.NOTE: note})
    return next_reply(scenario.scripts[prompt.key], prompt, request, scenario.texts())


def _scenario_of(prompt: AgentPrompt, scenarios: Sequence[Scenario]) -> Scenario | None:
    wish = without_markers(prompt.request)
    scenario = choose(scenarios, wish, tuple(prompt.context_files))
    return scenario if scenario and prompt.key in scenario.scripts else None


def _aggregate(request: ModelRequest, scenarios: Sequence[Scenario]) -> Reply:
    prompt = aggregator_prompt(_prompt(request))
    complete = all(each["status"] == "completed" for each in prompt.results.values())
    scenario = choose_for_results(scenarios, without_markers(prompt.request), prompt.results)
    composed = generic.answer_for(prompt.results)
    if scenario and scenario.answer and complete:
        composed = _from_template(scenario.answer, prompt.results) or composed
    schema = request.schema or {}
    wanted = schema.get("properties", {}).get("result", {}).get("type")
    result = _facts(composed.result) if wanted == "array" else composed.result
    value = {"answer": f"{LABEL}\n\n{composed.answer}", "result": result}
    return say_json(conform(value, schema))


def _facts(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The result as name and value pairs, for a schema without free-form objects."""
    return [
        {
            "name": name,
            "value": value if isinstance(value, str | int | float) else json.dumps(value),
        }
        for name, value in result.items()
    ]


def _from_template(template: Answer, results: Mapping[str, Any]) -> Answer | None:
    scope = {"results": results, "overview": generic.overview(results)}
    try:
        return Answer.model_validate(render(template.model_dump(), scope))
    except TemplateError:
        return None


def _review(request: ModelRequest, scenarios: Sequence[Scenario]) -> Reply:
    judgement = judgement_of(reviewer_prompt(_prompt(request)), scenarios)
    return say_json(conform(judgement.model_dump(), request.schema or {}))


def _anything(request: ModelRequest) -> Reply:
    if request.schema is None:
        return say("Simulated model: there is no script for this question.")
    value = {"summary": "Simulated model: nothing was done."}
    if request.caller is Caller.AGENT:
        return give_result(value, request)
    return say_json(conform(value, request.schema))


def _prompt(request: ModelRequest) -> str:
    return request.last_text_with(_MARK.get(request.caller, ""))
