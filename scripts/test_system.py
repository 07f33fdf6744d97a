"""Check a running stack the way a person would, one line a check.

    python scripts/test_system.py          what scripts/start.sh started

QUINTET_API_URL and QUINTET_DASHBOARD_URL name another one. Exit code 0 only when every check
passed. It hands in four tasks of the user `system-check`; a real model is paid for them.
"""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from uuid import UUID, uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from rich.console import Console
from rich.text import Text

from shared.errors import QuintetError
from ui.client import AsyncQuintetClient, Upload, service_url

SAMPLE = Path(__file__).with_name("sample") / "sales.csv"
CAPABILITIES = {
    *("data_analysis", "web_scraping", "code_generation"),
    *("file_processing", "database_operations", "api_integration"),
}
USER = "system-check"
ENDED = {"completed", "failed", "cancelled"}
POLL_SECONDS = 0.3
TASK_SECONDS = 600.0
CANCEL_SECONDS = 15.0


class CheckFailed(Exception):
    """Something is not as it should be; the text says what was found."""


@dataclass(frozen=True, slots=True)
class System:
    """The stack under examination."""

    quintet: AsyncQuintetClient
    http: httpx.AsyncClient
    dashboard_url: str


Check: TypeAlias = Callable[[System], Awaitable[str]]


def require(holds: object, otherwise: str) -> None:
    """Fail the check unless it holds."""
    if not holds:
        raise CheckFailed(otherwise)


async def health(system: System) -> str:
    """GET /health answers"""
    answer = await system.http.get("/health")
    require(answer.status_code == 200, f"it answered {answer.status_code}")
    return "the orchestrator lives"


async def ready(system: System) -> str:
    """GET /ready says that stores and model are there"""
    state = await system.quintet.ready()
    require(state.status == "ready", f"it says {state}")
    return "Simulated model" if state.simulated else "real model"


async def agents(system: System) -> str:
    """Five agents with all six capabilities"""
    present = [agent for agent in await system.quintet.agents() if agent.available]
    offered = {str(name) for agent in present for name in agent.capabilities}
    require(len(present) >= 5, f"only {len(present)} agents are available")
    missing = ", ".join(sorted(CAPABILITIES - offered))
    require(not missing, f"nobody offers {missing}")
    return ", ".join(sorted(agent.agent_id for agent in present))


async def one_step(system: System) -> str:
    """A task of one small step completes"""
    text = "Write a one-line haiku about five players into a file."
    began = time.monotonic()
    task_id = await submit(system, text)
    status = await end_of(system, task_id)
    require(status == "completed", f"task {task_id} ended {status}")
    count = await verified_files(system, task_id)
    require(count, f"task {task_id} left no file")
    return f"{time.monotonic() - began:.1f} s, {count} file(s)"


async def sales(system: System) -> str:
    """The sales sample becomes a report, by several agents"""
    content = await asyncio.to_thread(SAMPLE.read_bytes)
    text = "Clean the attached sales, compute totals and margins, draw charts, write a report."
    upload = Upload(SAMPLE.name, content, "text/csv")
    task_id = await submit(system, text, upload)
    status = await end_of(system, task_id)
    task = (await system.quintet.task(task_id)).task
    require(status == "completed", f"task {task_id} ended {status}: {task.error}")
    require(task.answer, f"task {task_id} has no answer")
    require(task.cost_usd > 0, f"task {task_id} cost nothing")
    helpers = {subtask.agent_id for subtask in task.subtasks}
    require(len(helpers) > 1, f"only {helpers} worked at it")
    count = await verified_files(system, task_id)
    return f"{len(task.subtasks)} subtasks, {len(helpers)} agents, {count} files, sha256 right"


async def broken_branch(system: System) -> str:
    """A failure blocks what needs it and nothing else (simulated model only)"""
    if not (await system.quintet.ready()).simulated:
        return "a real model fails when it must, not when asked: not applicable"
    task_id = await submit(system, "Do the broken branch, please.")
    await end_of(system, task_id)
    task = (await system.quintet.task(task_id)).task
    found = {subtask.key: str(subtask.status) for subtask in task.subtasks}
    wanted = {"orders": "completed", "stock": "failed", "list": "completed"}
    wanted |= {"compare": "blocked", "reorder": "blocked"}
    require(found == wanted, f"task {task_id}: {found}")
    require(task.partial and task.answer, f"task {task_id} has no partial answer")
    return "1 failed, 2 blocked, 2 completed, a partial answer"


async def cancel(system: System) -> str:
    """A running task can be cancelled"""
    text = "Write a one-line haiku about patience into a file."
    simulated = (await system.quintet.ready()).simulated
    task_id = await submit(system, f"{text} [[simulate: slow 5]]" if simulated else text)
    await running(system, task_id)
    began = time.monotonic()
    await system.quintet.cancel(task_id)
    status = await end_of(system, task_id, CANCEL_SECONDS)
    require(status == "cancelled", f"task {task_id} ended {status}")
    return f"{time.monotonic() - began:.1f} s"


async def bad_input(system: System) -> str:
    """Bad input gets a clear answer, never a 500"""
    cases = [
        ("POST", "/tasks", {"description": "short"}, {422}),
        ("POST", "/tasks", {"description": "A sound request.", "priority": 99}, {422}),
        ("GET", f"/tasks/{uuid4()}", None, {404}),
        ("GET", "/tasks/not-an-id", None, {422}),
        ("POST", f"/tasks/{uuid4()}/cancel", None, {404}),
        ("GET", f"/tasks/{uuid4()}/artifacts/../../etc/passwd", None, {404}),
        ("GET", "/agents/available?capability=juggling", None, {422}),
    ]
    for method, path, body, statuses in cases:
        answer = await system.http.request(method, path, json=body)
        where = f"{method} {path}"
        require(answer.status_code in statuses, f"{where} answered {answer.status_code}")
        require("detail" in answer.json(), f"{where} does not say what is wrong")
    return f"{len(cases)} refusals, each with its reason"


async def dashboard(system: System) -> str:
    """The dashboard answers"""
    for path in ("/_stcore/health", "/"):
        answer = await system.http.get(system.dashboard_url + path)
        require(answer.status_code == 200, f"{path} answered {answer.status_code}")
    return system.dashboard_url


CHECKS: tuple[Check, ...] = (
    *(health, ready, agents, one_step, sales, broken_branch, cancel, bad_input, dashboard),
)


async def submit(system: System, text: str, *files: Upload) -> UUID:
    """Hand a task in; its id."""
    task = await system.quintet.submit(text, user_id=USER, require_approval=False, files=files)
    return task.id


async def end_of(system: System, task_id: UUID, within: float = TASK_SECONDS) -> str:
    """How the task ended."""
    deadline = time.monotonic() + within
    while True:
        status = str((await system.quintet.task(task_id)).task.status)
        if status in ENDED:
            return status
        require(time.monotonic() < deadline, f"task {task_id} is {status} after {within:.0f} s")
        await asyncio.sleep(POLL_SECONDS)


async def running(system: System, task_id: UUID) -> None:
    """Wait until an agent works on the task."""
    deadline = time.monotonic() + TASK_SECONDS
    while not (await system.quintet.task(task_id)).task.progress.running:
        require(time.monotonic() < deadline, f"nobody began task {task_id}")
        await asyncio.sleep(POLL_SECONDS)


async def verified_files(system: System, task_id: UUID) -> int:
    """Download every file of the task and compare it with the manifest; how many there were."""
    listed = await system.quintet.artifacts(task_id)
    for entry in listed:
        content = await system.quintet.artifact(task_id, entry.path)
        same = hashlib.sha256(content).hexdigest() == entry.sha256
        require(same and len(content) == entry.size, f"{entry.path} is not what the manifest says")
    return len(listed)


async def passed(check: Check, system: System, console: Console) -> bool:
    """Run one check and print its line."""
    name = (check.__doc__ or check.__name__).strip()
    try:
        found = await check(system)
    except (CheckFailed, QuintetError, httpx.HTTPError, ValueError) as error:
        console.print(Text.assemble(("FAILED ", "bold red"), f"{name}: {error or repr(error)}"))
        return False
    console.print(Text.assemble(("ok     ", "bold green"), name, (f"  ({found})", "dim")))
    return True


async def check_all(api_url: str, dashboard_url: str, console: Console) -> int:
    """Run every check; how many failed."""
    failures = 0
    async with (
        AsyncQuintetClient(api_url) as quintet,
        # Without trust_env=False a proxy of the environment would be asked for our own machine.
        httpx.AsyncClient(base_url=quintet.url, timeout=20, trust_env=False) as http,
    ):
        system = System(quintet, http, dashboard_url.rstrip("/"))
        for check in CHECKS:
            failures += not await passed(check, system, console)
    return failures


def main() -> int:
    """0 when all passed, 1 when something failed, 2 when the addresses make no sense."""
    console = Console(soft_wrap=True, highlight=False)
    api_url = service_url()
    dashboard_url = os.environ.get("QUINTET_DASHBOARD_URL") or "http://127.0.0.1:8501"
    console.print(Text(f"Checking {api_url} and {dashboard_url}", style="bold"))
    try:
        failures = asyncio.run(check_all(api_url, dashboard_url, console))
    except QuintetError as error:
        console.print(Text(f"{error.detail} {error.remedy}", style="red"))
        return 2
    verdict = f"{failures} of {len(CHECKS)} checks failed" if failures else "Everything works"
    console.print(Text(verdict, style="bold red" if failures else "bold green"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
