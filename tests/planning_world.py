"""Who a planner may count on, in tests that need no agent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from orchestrator.plan import planned_checks
from shared.models import Capability, Plan, PlannedCheck


@dataclass(frozen=True)
class Team:
    """Agents and roles that are said to be there."""

    members: tuple[tuple[Capability, ...], ...] = ()
    offered: Mapping[str, str] = field(default_factory=dict)

    def teams(self) -> list[tuple[Capability, ...]]:
        """What each agent can do at once."""
        return list(self.members)

    def roles(self) -> dict[str, str]:
        """What they can take on."""
        return dict(self.offered)


@dataclass
class NobodyTries:
    """No agent is there to try checks; `vacuous` names the commands that are said to be so."""

    vacuous: tuple[str, ...] = ()

    async def probe(self, task_id: UUID, plan: Plan) -> Mapping[str, Sequence[PlannedCheck]]:
        """The checks by subtask."""
        return {
            each.id: tuple(
                check.model_copy(
                    update={
                        "vacuous": getattr(check.check, "command", "") in self.vacuous
                        if self.vacuous
                        else None
                    }
                )
                for check in planned_checks(each)
            )
            for each in plan.subtasks
        }
