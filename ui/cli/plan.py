"""`quintet plan`, `approve` and `reject`: a plan to read, to let run or to send back."""

import sys
from typing import Annotated
from uuid import UUID

import typer

from shared.errors import Conflict, InvalidRequest, NotFound
from shared.models import PlanVersion
from ui import plan_file
from ui.cli import console, console_plan
from ui.cli.arguments import AsJson, TaskId, find_task
from ui.cli.output import ask, hint, print_json, put
from ui.client import QuintetClient
from ui.views import now, short_id

SHORTEST_HASH = 6

Hash = Annotated[
    str | None,
    typer.Option(
        "--hash", metavar="HASH", help="Only if this is the plan; the start of its hash is enough."
    ),
]


def plan(
    task: TaskId,
    version: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="An earlier version.")
    ] = None,
    compare: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="A B", help="What changed from version A to version B."),
    ] = None,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print it as YAML and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the plan of a task, one of its versions, or what changed between two."""
    if as_yaml and (as_json or compare):
        raise InvalidRequest("--yaml goes with neither --json nor --compare.", remedy="Drop one.")
    with QuintetClient() as client:
        task_id = find_task(client, task)
        if compare:
            comparison = client.compare_plans(task_id, before=compare[0], after=compare[1])
            print_json(comparison) if as_json else put(console_plan.comparison(comparison))
            return
        found = client.plan(task_id) if version is None else _version(client, task_id, version)
    if as_json:
        print_json(found)
    elif as_yaml:
        sys.stdout.write(plan_file.dump(found.plan))
    else:
        put(console_plan.version(found, now()))


def approve(task: TaskId, hash: Hash = None, as_json: AsJson = False) -> None:
    """Let a plan that waits be worked.

    Without --hash it is shown, and you are asked."""
    with QuintetClient() as client:
        task_id = find_task(client, task)
        found = client.plan(task_id)
        if hash is None:
            name = short_id(task_id)
            unasked = f"Type `quintet approve {name} --hash {found.hash[:12]}`."
            if not as_json:
                put(console_plan.version(found, now()))
            ask("Work this plan?", unasked=unasked)
        else:
            check_hash(found, hash, task_id)
        view = client.approve(task_id, hash=found.hash)
    if as_json:
        print_json(view)
    else:
        put(console.header(view, now()))
        hint(f"Follow it with: quintet watch {short_id(task_id)}")


def reject(
    task: TaskId,
    feedback: Annotated[str, typer.Option(help="What the planner should do differently.")],
    hash: Hash = None,
    as_json: AsJson = False,
) -> None:
    """Send a plan back to the planner, with what should be different."""
    with QuintetClient() as client:
        task_id = find_task(client, task)
        found = client.plan(task_id)
        if hash is not None:
            check_hash(found, hash, task_id)
        view = client.reject(task_id, hash=found.hash, feedback=feedback)
    if as_json:
        print_json(view)
    else:
        put(console.header(view, now()))
        hint(f"A new version comes. Follow it with: quintet watch {short_id(task_id)}")


def check_hash(found: PlanVersion, given: str, task_id: UUID) -> None:
    """Raise unless the plan as it is now is the one that was seen."""
    if len(given) < SHORTEST_HASH:
        raise InvalidRequest(
            f"{given!r} is too short for a hash.", remedy=f"Give at least {SHORTEST_HASH} digits."
        )
    if not found.hash.startswith(given.lower()):
        raise Conflict(
            f"The plan is now version {found.version}, with the hash {found.hash[:12]}.",
            remedy=f"Look at it again with `quintet plan {short_id(task_id)}`.",
        )


def _version(client: QuintetClient, task_id: UUID, number: int) -> PlanVersion:
    known = client.plan_versions(task_id).versions
    for each in known:
        if each.version == number:
            return each
    numbers = ", ".join(str(each.version) for each in known) or "none yet"
    raise NotFound(f"There is no version {number} of the plan.", remedy=f"There are: {numbers}.")
