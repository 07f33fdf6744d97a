"""`quintet edit`: a plan in your own editor, until it is accepted or you give up."""

from uuid import UUID

from shared.errors import Conflict, QuintetError
from shared.models import PlanVersion
from shared.states import TaskStatus
from ui import plan_file
from ui.cli import console_plan
from ui.cli.arguments import TaskId, find_task
from ui.cli.editing import in_editor
from ui.cli.output import hint, put
from ui.client import QuintetClient
from ui.views import sentence, short_id


def edit(task: TaskId) -> None:
    """Change a plan that waits for approval in your editor.

    That is $VISUAL or $EDITOR. What you wrote is never lost: where it is not accepted, the editor
    opens again with what is wrong on top."""
    with QuintetClient() as client:
        task_id = find_task(client, task)
        _still_waits(client, task_id)
        before = client.plan(task_id)
        after = _edited(client, task_id, before)
        if after is None:
            hint("Nothing was changed, nothing was sent.")
            return
        _show_changes(client, task_id, before, after)
    hint(f"Let it run with: quintet approve {short_id(task_id)} --hash {after.hash[:12]}")


def _show_changes(
    client: QuintetClient, task_id: UUID, before: PlanVersion, after: PlanVersion
) -> None:
    """The plan is saved by now: that its changes cannot be shown is no failure of the command."""
    try:
        changed = client.compare_plans(task_id, before=before.version, after=after.version)
    except QuintetError as error:
        hint(f"It is saved; what changed cannot be shown. {sentence(error.detail)}", errors=True)
    else:
        put(console_plan.comparison(changed))


def _still_waits(client: QuintetClient, task_id: UUID) -> None:
    status = client.task(task_id).task.status
    if status is not TaskStatus.AWAITING_APPROVAL:
        raise Conflict(
            "A plan can be edited only while it waits for approval; "
            f"the task is {status.value.replace('_', ' ')}.",
            remedy="Hand a task in with --approve-first to look at its plan before it runs.",
        )


def _edited(client: QuintetClient, task_id: UUID, before: PlanVersion) -> PlanVersion | None:
    """The version that the edits made; None when there were none."""

    def accept(text: str) -> PlanVersion | None:
        plan = plan_file.load(text)
        return None if plan == before.plan else client.edit_plan(task_id, plan, hash=before.hash)

    original = plan_file.HELP + plan_file.dump(before.plan)
    return in_editor(f"plan-{short_id(task_id)}", original, accept)
