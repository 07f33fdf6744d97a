"""The rules that a person's plan and a person's edit of one part are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.plan import planned_checks, validate, validate_subtask
from orchestrator.plan_rows import part_row
from shared.errors import InvalidRequest
from shared.models import Plan, PlannedCheck, PlannedSubtask, SubtaskEdit, SubtaskView


class Roles(Protocol):
    """Knows which roles the agents can take on."""

    def roles(self) -> Mapping[str, str]:
        """Roles by name."""
        ...


@dataclass(frozen=True, slots=True)
class PlanRules:
    """What is allowed here and now; `check_http` tells whether checks may ask web servers."""

    roles: Roles
    check_http: bool = False

    def errors_of(self, plan: Plan) -> list[str]:
        """What is wrong with a whole plan."""
        return validate(plan, profiles=self.roles.roles(), http=self.check_http)

    def edited(
        self, subtask: SubtaskView, edit: SubtaskEdit, *, task_priority: int
    ) -> dict[str, Any]:
        """The row of a subtask after an edit; raises InvalidRequest.

        What the person left as it was is not held against them: its role may be away just now.
        """
        changes = edit.changes()
        after = _planned(subtask).model_copy(update=changes)
        roles = set(self.roles.roles())
        if "profile" not in changes and subtask.profile is not None:
            roles.add(subtask.profile)
        http = self.check_http or "checks" not in changes
        if errors := validate_subtask(after, profiles=roles, http=http):
            raise not_valid("edit", errors)
        return part_row(after, task_priority=task_priority, checks=tried(after, subtask.checks))


def _planned(subtask: SubtaskView) -> PlannedSubtask:
    return PlannedSubtask(
        id=subtask.key,
        title=subtask.title,
        description=subtask.description,
        required_capabilities=subtask.required_capabilities,
        dependencies=subtask.dependencies,
        priority=subtask.priority,
        estimated_duration=subtask.estimated_duration,
        expected_output=subtask.expected_output,
        profile=subtask.profile,
        checks=tuple(planned.check for planned in subtask.checks),
    )


def tried(subtask: PlannedSubtask, known: Sequence[PlannedCheck]) -> list[PlannedCheck]:
    """Its checks, with what was found out about those that the person left as they were."""
    return [
        next((old for old in known if old.check == fresh.check), fresh)
        for fresh in planned_checks(subtask)
    ]


def not_valid(what: str, errors: Sequence[str]) -> InvalidRequest:
    """The refusal of a `plan` or an `edit`, with a sentence for each fault."""
    count = f"{len(errors)} fault{'s' if len(errors) != 1 else ''}"
    return InvalidRequest(
        f"the {what} is not valid: {count}",
        slug=f"{what}-invalid",
        remedy=f"mend what is named and send the whole {what} again",
        errors=[{"field": what, "message": error} for error in errors],
    )
