"""What the planner and the aggregator hand back: values that carry their failures and costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import ModelError
from shared.models import ModelUsage, Plan, PlannedCheck


@dataclass(frozen=True, slots=True)
class Analysis:
    """A plan, or why there is none: the errors of each round, or what the model's door said.

    `checks` are the plan's, by subtask, where they were tried on workspaces without work.
    """

    plan: Plan | None
    rejected: tuple[tuple[str, ...], ...] = ()
    failure: ModelError | None = None
    usage: tuple[ModelUsage, ...] = ()
    checks: Mapping[str, Sequence[PlannedCheck]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The final answer in Markdown and as data; `failure` when the model could not write it."""

    text: str
    result: Mapping[str, Any] = field(default_factory=dict)
    failure: ModelError | None = None
    usage: tuple[ModelUsage, ...] = ()
