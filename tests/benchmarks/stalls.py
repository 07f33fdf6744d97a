"""How long the services' event loops stall under load, against the goal of 50 ms.

    python -m tests.benchmarks.stalls [--width N] [--seconds N] [--why]

Beside it what each has in memory, against the limits of a service.

Real PostgreSQL (durable) and Valkey. A process each: the whole orchestrator, an agent of four
slots whose work is a sleep, and an idle loop, which shows what the machine itself does to a loop
that wakes now and then. `computing` is the longest stall without the time in which its process
waited for a processor: what is left is its own. The clients and a model with scripted answers are
in the process that prints. With --why the services write to stderr where they are whenever a loop
is overdue, and which collections of garbage were long.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import httpx

from scripts.local_servers import LocalPostgres, LocalValkey, free_port
from shared.database.migrate import migrate
from tests.benchmarks.api import CLIENTS
from tests.benchmarks.dispatch import CAPABILITIES, fan
from tests.benchmarks.ticker import OVERDUE, Ticks
from tests.messages_server import Answer, Request, Script, messages_server, structured
from tests.ticks import ticks

ROOT = Path(__file__).resolve().parents[2]
READS = 40  # of a client for each task that it submits
FIRST_SECONDS = 5.0  # in which everything happens for the first time
GOAL_MS = OVERDUE * 1000
BASELINE_MB, PEAK_MB = 500, 2048  # the limits of one service
COLUMNS = ("p50 ms", "p99 ms", "max ms", "computing", "max/goal", "comp./goal", "max/idle")
BODY = {"description": "Compare the sales of both years"}
SERVICES = {
    "orchestrator": "orchestrator.__main__:Orchestrator",
    "agent": "tests.benchmarks.agent_process:AgentProcess",
    "idle": "tests.benchmarks.ticker:Idle",
}


def model(width: int) -> Script:
    """Every plan is a fan of this width, every answer one word."""
    plan = fan(width).model_dump(mode="json")

    def reply(request: Request) -> Answer:
        asked = request.body["output_config"]["format"]["schema"]["properties"]
        return structured(plan if "subtasks" in asked else {"answer": "done", "result": []})

    return reply


async def start(
    stack: AsyncExitStack, service: str, settings: Mapping[str, str], *, why: bool
) -> Process:
    """A service in a process of its own, which is killed with the stack at the latest."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.ticker", service, *(["--why"] if why else [])),
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=PIPE,
    )

    def kill() -> None:
        if process.returncode is None:
            process.kill()

    stack.callback(kill)
    return process


async def finish(process: Process) -> Ticks:
    """End a service in good order; what its ticker saw."""
    if process.returncode is None:
        process.terminate()
    output, _ = await asyncio.wait_for(process.communicate(), 90)
    if process.returncode:
        sys.exit(f"a service ended with exit code {process.returncode}; its message is above")
    seen: Ticks = json.loads(output.splitlines()[-1])
    return seen


async def load(url: str, seconds: float) -> float:
    """All clients at once, each as fast as it is answered; answers a second."""
    tasks: list[str] = []
    clock = asyncio.get_running_loop().time
    ends = clock() + seconds

    async def client(http: httpx.AsyncClient) -> int:
        for turn in itertools.count(random.randrange(READS)):
            if clock() > ends:
                break
            if not tasks or turn % READS == 0:
                answer = await http.post("/tasks", json=BODY)
                tasks.append(answer.json()["id"])
            else:
                answer = await http.get(f"/tasks/{random.choice(tasks)}" if turn % 2 else "/tasks")
            answer.raise_for_status()
        return turn

    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        turns = await asyncio.gather(*(client(http) for _ in range(CLIENTS)))
    return sum(turns) / seconds


async def ready(url: str) -> None:
    """Wait until the orchestrator answers and the agent has shown itself."""
    async with httpx.AsyncClient(base_url=url, timeout=5) as http:
        async for _ in ticks(within=60, every=0.1):
            try:
                if (await http.get("/agents/available")).json()["agents"]:
                    return
            except httpx.ConnectError:
                continue


async def measure(width: int, seconds: float, *, why: bool) -> None:
    """Start everything, load it, print."""
    clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = await stack.enter_async_context(LocalPostgres(root / "postgres"))
        valkey = await stack.enter_async_context(LocalValkey(root / "valkey"))
        await migrate(postgres.database_url("bench"))
        port = free_port()
        settings = {
            "DATABASE_URL": postgres.database_url("bench"),
            "REDIS_URL": valkey.url,
            "ANTHROPIC_API_KEY": "no-key",
            "ANTHROPIC_BASE_URL": stack.enter_context(messages_server(model(width))).url,
            "SHARED_FILES_DIR": str(root / "files"),
            "ORCHESTRATOR_PORT": str(port),
            "AGENT_PORT": "0",
            "AGENT_CAPABILITIES": ",".join(CAPABILITIES),
            "AGENT_CONCURRENCY": "4",
            "AGENT_EXECUTOR": "tests.benchmarks.sleeper:Sleeper",
            "DRAIN_SECONDS": "2",
            "QUINTET_ENV_FILE": "",
        }
        url = f"http://127.0.0.1:{port}"
        running = {
            name: await start(stack, service, settings, why=why)
            for name, service in SERVICES.items()
        }
        await ready(url)
        before = {name: resident(process) for name, process in running.items()}
        began = clock()
        rate = await load(url, FIRST_SECONDS + seconds)
        ended = clock()
        after = {name: resident(process) for name, process in running.items()}
        seen = {name: await finish(process) for name, process in running.items()}
    print(f"plans of {width + 2} subtasks, {CLIENTS} clients, {rate:.0f} answers a second")
    show(f"the first {FIRST_SECONDS:.0f} s", seen, began, began + FIRST_SECONDS)
    show("after that", seen, began + FIRST_SECONDS, ended)
    for name, (rss, _) in before.items():
        peak = after[name][1]
        ratios = f"{rss / BASELINE_MB:5.2f} of {BASELINE_MB}, {peak / PEAK_MB:.2f} of {PEAK_MB}"
        print(f"  {name:<14} {rss:4.0f} MB when ready, {peak:4.0f} MB at most: {ratios}")


def resident(process: Process) -> tuple[float, float]:
    """What a service has in memory, now and at most, in MB; its children are not counted."""
    lines = (Path("/proc") / str(process.pid) / "status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines)
    now, most = (int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def show(title: str, seen: Mapping[str, Ticks], began: float, ended: float) -> None:
    """How late each loop was within a span of time, beside the goal and the idle loop."""
    spans = {
        name: [(late * 1000, own * 1000) for due, late, own in found if began <= due <= ended]
        for name, found in seen.items()
    }
    idle = max(late for late, _ in spans["idle"])
    print(f"{title:<16}{''.join(f'{name:>11}' for name in COLUMNS)}")
    for name, span in spans.items():
        every = [late for late, _ in span]
        longest, p99 = max(every), statistics.quantiles(every, n=100)[98]
        computing = max(own for _, own in span)
        figures = (statistics.median(every), p99, longest, computing)
        ratios = (longest / GOAL_MS, computing / GOAL_MS, longest / idle)
        line = "".join([f"{each:11.1f}" for each in figures] + [f"{each:11.2f}" for each in ratios])
        print(f"  {name:<14}{line}")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=40, help="of each plan: root, N, join")
    parser.add_argument("--seconds", type=float, default=20, help="of load, after the first ones")
    parser.add_argument("--why", action="store_true", help="tell where a loop is when overdue")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.width, arguments.seconds, why=arguments.why))


if __name__ == "__main__":
    main()
