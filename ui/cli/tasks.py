"""`quintet submit`, `list`, `show` and `agents`: tasks in, tasks and agents to look at."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.text import Text

from shared.models import AgentView, Capability, ReviewPolicy
from shared.states import TaskStatus
from ui.cli import arguments, console
from ui.cli.arguments import AsJson, TaskId
from ui.cli.output import hint, print_json, put
from ui.cli.watch import follow
from ui.client import QuintetClient
from ui.views import now
from ui.whoami import whoami


def submit(
    description: Annotated[str, typer.Argument(help="What you want done, in your words.")],
    file: Annotated[list[Path] | None, typer.Option(help="A context file; repeatable.")] = None,
    title: Annotated[str | None, typer.Option(help="A short name for the task.")] = None,
    user: Annotated[str | None, typer.Option(help="Whose task it is. [default: you]")] = None,
    priority: Annotated[int, typer.Option(min=0, max=10, help="10 is the most urgent.")] = 5,
    review: Annotated[
        ReviewPolicy | None,
        typer.Option(
            help="Whose results a second model reads; without it the agents' roles decide."
        ),
    ] = None,
    approve_first: Annotated[
        bool | None,
        typer.Option(
            "--approve-first/--no-approve-first",
            help="Whether its plan waits for your approval; without it the service decides.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand in a task."""
    with QuintetClient() as client:
        task = client.submit(
            description,
            user_id=user or whoami(),
            title=title,
            priority=priority,
            review=review,
            require_approval=approve_first,
            files=arguments.uploads(file or []),
        )
    if watch:
        follow(task.id, as_json=as_json)
    elif as_json:
        print_json(task)
    else:
        put(console.header(task, now()))
        hint(f"Follow it with: quintet watch {task.id}")


def list_tasks(
    status: Annotated[TaskStatus | None, typer.Option(help="Only those in this state.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    text: Annotated[str | None, typer.Option(help="Only those that contain this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first."""
    with QuintetClient() as client:
        page = client.tasks(status=status, user_id=user, text=text, limit=limit)
    if as_json:
        print_json(page)
    elif page.tasks:
        put(console.task_list(page, now()))
    else:
        hint('No tasks. Hand one in with: quintet submit "..."')


def show(
    task: TaskId,
    save: Annotated[Path | None, typer.Option(help="Download the artifacts to here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a task as it stands: plan, answer, files, price."""
    with QuintetClient() as client:
        detail = client.task(arguments.find_task(client, task))
        saved = arguments.save(client, detail, save) if save else []
    if as_json:
        print_json(detail)
        return
    put(console.live(detail.task, now()))
    put(console.ending(detail.task))
    for path in saved:
        put(Text(f"saved {path}", style="green"))


def agents(
    capability: Annotated[
        Capability | None, typer.Option(help="Only those free for work that needs this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the agents and what they are doing."""
    with QuintetClient() as client:
        found = client.agents(available_for=capability)
    if as_json:
        listing = TypeAdapter(dict[str, tuple[AgentView, ...]])
        sys.stdout.write(listing.dump_json({"agents": found}, indent=2).decode() + "\n")
    elif found:
        put(console.agent_list(found))
    else:
        hint("No agents.")
