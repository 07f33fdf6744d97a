"""Which turn of a script comes next: read from the conversation alone, so nothing is remembered."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.claude_simulator.conduct import Outcome, ScriptedCall, SubtaskScript, Turn
from scripts.claude_simulator.messages import STRUCTURED_OUTPUT, Call, ModelRequest, Round
from scripts.claude_simulator.prompt import AgentPrompt
from scripts.claude_simulator.reply import Reply, ToolCall, call_tools, say
from scripts.claude_simulator.schema import conform
from scripts.claude_simulator.template import Named, TemplateError, render


@dataclass(frozen=True, slots=True)
class Step:
    """A scripted call beside what the conversation says became of it."""

    scripted: ScriptedCall
    call: Call

    @property
    def broke(self) -> bool:
        """Whether its failure ends the script."""
        return self.call.failed and not self.scripted.optional


def next_reply(
    script: SubtaskScript, prompt: AgentPrompt, request: ModelRequest, files: Mapping[str, str]
) -> Reply:
    """What the agent says now: the next turn's calls, the result, or an honest failure."""
    rounds = request.rounds()
    if rounds[-1].finished:
        return say("The structured result above is final.")
    plans = [_available(script.turns_of(each.number), request.tools) for each in rounds]
    steps = [step for plan, each in zip(plans, rounds, strict=True) for step in _steps(plan, each)]
    scope = _scope(prompt, steps, files)
    absent = _absent(plans[-1], request.tools)
    if absent:
        return failure(f"this session does not offer the tool {absent}", request)
    if any(step.broke for step in steps):
        return _on_error(script, scope, request)
    try:
        turn = _current(plans[-1], rounds[-1])
        if turn is not None:
            return _perform(turn, scope)
        result = script.result_of(rounds[-1].number)
        return give_result(render(result.model_dump(), scope), request)
    except TemplateError as error:
        return failure(str(error), request)


def failure(reason: str, request: ModelRequest) -> Reply:
    """The structured result of an agent that could not do it and says so."""
    outcome = Outcome(summary=f"Not done: {reason}", failed=True, reason=reason)
    return give_result(outcome.model_dump(), request)


def give_result(result: dict[str, Any], request: ModelRequest) -> Reply:
    """Return the result in the way that the session asks for."""
    if request.schema is None or STRUCTURED_OUTPUT not in request.tools:
        return say(f"{result['summary']}\n\n```json\n{json.dumps(result, indent=2)}\n```")
    fitting = conform(result, request.schema)
    return call_tools("", [ToolCall(STRUCTURED_OUTPUT, fitting)])


def _available(turns: Iterable[Turn], tools: frozenset[str]) -> list[Turn]:
    """The turns without the optional calls whose tools the session lacks."""
    kept = []
    for turn in turns:
        calls = tuple(call for call in turn.calls if not call.optional or call.tool in tools)
        if calls:
            kept.append(Turn(say=turn.say, calls=calls))
    return kept


def _absent(turns: Sequence[Turn], tools: frozenset[str]) -> str | None:
    names = (call.tool for turn in turns for call in turn.calls)
    return next((name for name in names if name not in tools), None)


def _steps(turns: Sequence[Turn], done: Round) -> list[Step]:
    scripted = (call for turn in turns for call in turn.calls)
    return [Step(call, made) for call, made in zip(scripted, done.work, strict=False)]


def _current(turns: Sequence[Turn], done: Round) -> Turn | None:
    ahead = len(done.work)
    for turn in turns:
        if ahead < len(turn.calls):
            return turn
        ahead -= len(turn.calls)
    return None


def _perform(turn: Turn, scope: Mapping[str, Any]) -> Reply:
    calls = [ToolCall(call.tool, render(call.input, scope)) for call in turn.calls]
    return call_tools(render(turn.say, scope), calls)


def _on_error(script: SubtaskScript, scope: Mapping[str, Any], request: ModelRequest) -> Reply:
    if script.on_error is None:
        return failure(f"a command failed: {scope['last']['stdout'][-500:]}", request)
    try:
        return give_result(render(script.on_error.model_dump(), scope), request)
    except TemplateError as error:
        return failure(str(error), request)


def _scope(
    prompt: AgentPrompt, steps: Sequence[Step], files: Mapping[str, str]
) -> Mapping[str, Any]:
    results = [_tool_result(step.call) for step in steps]
    named = zip((step.scripted.id for step in steps), results, strict=True)
    broken = next((r for r, step in zip(results, steps, strict=True) if step.broke), None)
    return {
        "none": None,
        "cwd": prompt.cwd,
        "context_dir": prompt.context_dir,
        "task_dir": prompt.task_dir,
        "key": prompt.key,
        "title": prompt.title,
        "attempt": prompt.attempt,
        "description": prompt.description,
        "expected_output": prompt.expected_output,
        "request": prompt.request,
        "context": Named(prompt.context_files),
        "prereq": prompt.prerequisites,
        "file": Named(files),
        "tool": {name: result for name, result in named if name},
        "last": broken or (results[-1] if results else {}),
    }


def _tool_result(call: Call) -> dict[str, Any]:
    return {"stdout": call.text.strip(), "json": _json_in(call.text)}


def _json_in(text: str) -> Any:
    """The JSON that a command printed: all of its output, or the last line that is some."""
    for candidate in (text, *reversed(text.splitlines())):
        try:
            return json.loads(candidate)
        except json.JSONDecodeError:
            continue
    return {}
