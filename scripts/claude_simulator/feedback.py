"""What the simulated planner makes of a plan that a person sent back."""

import re

from scripts.claude_simulator import generic
from scripts.claude_simulator.plan import Plan, PlannedSubtask

_DROP = re.compile(r"\b(?:drop|remove|without|skip)\s+`?([a-z][a-z0-9_-]*)`?", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")


def changed(plan: Plan, feedback: str) -> Plan:
    """Subtasks that the feedback says to drop are gone; every other sentence is one more step."""
    named = _named(feedback, plan)
    kept = _without(plan, named) if named != plan.keys else plan.subtasks
    rest = "\n".join(
        part for part in _SENTENCE_END.split(feedback.strip()) if not _named(part, plan)
    )
    wishes = generic.sentences(rest) if rest or not named else []
    subtasks = list(kept)
    for wish in wishes:
        subtasks.append(generic.step_for(wish, subtasks, after=_ends(subtasks)))
    dropped = [f"dropped {', '.join(sorted(named))}"] if named else []
    added = [f"{len(wishes)} more step(s)"] if wishes else []
    what = " and ".join(dropped + added)
    return Plan(summary=f"{plan.summary} Changed as asked: {what}.", subtasks=tuple(subtasks))


def _named(text: str, plan: Plan) -> set[str]:
    """The subtasks that these words say to drop."""
    return {name.lower() for name in _DROP.findall(text)} & plan.keys


def _without(plan: Plan, dropped: set[str]) -> tuple[PlannedSubtask, ...]:
    """What depended on a dropped subtask now depends on what that one waited for."""
    before = {each.id: each.dependencies for each in plan.subtasks}

    def instead(names: tuple[str, ...]) -> list[str]:
        found: list[str] = []
        for name in names:
            found += instead(before[name]) if name in dropped else [name]
        return list(dict.fromkeys(found))

    return tuple(
        each.model_copy(update={"dependencies": tuple(instead(each.dependencies))})
        for each in plan.subtasks
        if each.id not in dropped
    )


def _ends(subtasks: list[PlannedSubtask]) -> tuple[str, ...]:
    used = {name for each in subtasks for name in each.dependencies}
    return tuple(each.id for each in subtasks if each.id not in used)
