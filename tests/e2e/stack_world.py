"""The services as separate processes, put together by the test that needs them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psutil

from agent.process_tree import marked
from scripts.claude_simulator.scenario import SCENARIOS
from scripts.local_servers import free_port
from scripts.stack.process import end_with_parent, last_lines
from shared.models import SubtaskView

ROOT = Path(__file__).parents[2]
PROFILES = ("analyst", "researcher", "archivist", "engineer", "statistician")
STACK_MARKER = "QUINTET_STACK"
LEASE_SECONDS = 4
START_SECONDS = 90.0
STOP_SECONDS = 20.0
TURN_SECONDS = 0.3
# Its subtask needs a pair of capabilities that none of the five agents offers.
RARE_PAIR = ("web_scraping", "file_processing")
RARE_SCENARIO = """
priority = 9
[match]
words = [["rare pair"]]
[plan]
summary = "One step that only a guest can take."
[[plan.subtasks]]
id = "guest"
title = "Write the guest's note"
description = "Write a note into note.md."
required_capabilities = ["web_scraping", "file_processing"]
expected_output = "note.md."
[[scripts.guest.turns]]
say = "I write the note."
[[scripts.guest.turns.calls]]
tool = "Write"
input = { file_path = "{{cwd}}/note.md", content = "a guest was here\\n" }
[scripts.guest.result]
summary = "Wrote the note."
output = { file = "note.md" }
files = ["note.md"]
claims = [{ kind = "wrote_file", what = "note.md", detail = "with the Write tool" }]
"""


@dataclass(slots=True)
class Service:
    """One process of the stack; `health` are the addresses that answer 200 once it works."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log_file: Path
    health: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The process, which must have been started."""
        assert self.process is not None, f"{self.name} was never started"
        return self.process

    def start(self) -> None:
        """Start it; the kernel ends it if this process is killed."""
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - in the main thread
            )

    def await_end(self, deadline: float) -> None:
        """A step: it must end well."""
        code = self.running.wait(max(0.0, deadline - time.monotonic()))
        assert code == 0, self.told(f"ended with exit code {code}")

    def await_health(self, deadline: float) -> None:
        """Poll until every address answers 200."""
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not all(_answers(client, url) for url in self.health):
                code = self.running.poll()
                assert code is None, self.told(f"ended early with exit code {code}")
                assert time.monotonic() < deadline, self.told("did not become healthy in time")
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill -9, as a machine would."""
        self.running.kill()
        self.running.wait(STOP_SECONDS)

    def stop(self, deadline: float) -> None:
        """Wait for the end that was asked for; kill what does not come to it."""
        try:
            self.running.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def told(self, what: str) -> str:
        """What happened, with the end of the log."""
        return f"{self.name} {what}; its log ends with:\n{last_lines(self.log_file, 40)}"


@dataclass
class Stack:
    """Everything that runs, by name, and how to reach it."""

    folder: Path
    redis_url: str
    basis: Mapping[str, str]
    stores: Mapping[str, str]
    simulator_url: str
    api_url: str
    dashboard_url: str
    services: dict[str, Service] = field(default_factory=dict)

    def add(
        self,
        name: str,
        *command: str,
        environment: Mapping[str, str] | None = None,
        health: Iterable[str] = (),
    ) -> Service:
        """One more Python module as a process, not yet started."""
        self.services[name] = Service(
            name,
            (sys.executable, "-m", *command),
            {**self.basis, **(environment or {})},
            self.folder / "logs" / f"{name}.log",
            tuple(health),
        )
        return self.services[name]

    def agent_environment(self, agent_id: str, profile: str, port: int) -> dict[str, str]:
        """What an agent process is told."""
        return {
            **self.stores,
            "AGENT_ID": agent_id,
            "AGENT_PROFILE": profile,
            "AGENT_PORT": str(port),
            "AGENT_CONCURRENCY": "2",
            "AGENT_SCRATCH_DIR": str(self.folder / "scratch"),
            "DRAIN_SECONDS": "2",
        }

    def start(self, *names: str) -> None:
        """Start these together and wait until all are healthy."""
        deadline = time.monotonic() + START_SECONDS
        for name in names:
            self.services[name].start()
        for name in names:
            self.services[name].await_health(deadline)

    def attempt_processes(self, subtask: SubtaskView) -> list[psutil.Process]:
        """Every living process of the subtask's present attempt."""
        files = self.folder / "files"
        return list(marked(f"{subtask.agent_id}@{files}/{subtask.id}-{subtask.attempt}"))

    def stop(self) -> None:
        """Ask all to stop, kill who does not, and prove that nothing is left."""
        started = [each for each in self.services.values() if each.process is not None]
        for service in started:
            service.running.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for service in started:
            service.stop(deadline)
        left = self._left(within=5.0)
        for process in left:
            process.kill()
        assert not left, f"still there after the stop: {left}"

    def logs(self) -> str:
        """The end of every log, for a failing test."""
        return "\n".join(each.told("was there") for each in self.services.values())

    def _left(self, *, within: float) -> list[psutil.Process]:
        deadline = time.monotonic() + within
        while (left := list(_knowing(str(self.folder)))) and (time.monotonic() < deadline):
            time.sleep(0.05)
        return left


def compose(folder: Path, postgres_url: str, redis_url: str) -> Stack:
    """All services with their addresses; nothing runs yet."""
    for name in ("logs", "scratch", "files"):
        (folder / name).mkdir()
    scenarios = folder / "scenarios"
    shutil.copytree(SCENARIOS, scenarios)
    (scenarios / "rare_pair.toml").write_text(RARE_SCENARIO, "utf-8")
    simulator, api, dashboard = free_port(), free_port(), free_port()
    basis = {
        **{name: os.environ[name] for name in ("HOME", "LANG", "TZ") if name in os.environ},
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "PYTHONUNBUFFERED": "1",
        "QUINTET_ENV_FILE": "",
        STACK_MARKER: str(folder),
    }
    name = f"stack_{uuid4().hex}"
    stack = Stack(
        folder=folder,
        redis_url=redis_url,
        basis=basis,
        stores={
            "DATABASE_URL": _database(postgres_url, name),
            "DATA_DATABASE_URL": _database(postgres_url, f"{name}_data"),
            "DATABASE_POOL_MAX": "6",
            "REDIS_URL": redis_url,
            "SHARED_FILES_DIR": str(folder / "files"),
            "ANTHROPIC_API_KEY": "simulated",
            "ANTHROPIC_BASE_URL": _local(simulator),
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "HEARTBEAT_SECONDS": "1",
            "LOG_FORMAT": "text",
        },
        simulator_url=_local(simulator),
        api_url=_local(api),
        dashboard_url=_local(dashboard),
    )
    _add_services(stack, simulator, api, dashboard)
    return stack


def _add_services(stack: Stack, simulator: int, api: int, dashboard: int) -> None:
    stack.add("migrate", "shared.database.migrate", environment=stack.stores)
    model = ("--port", str(simulator), "--delay", str(TURN_SECONDS))
    stack.add(
        "simulator",
        "scripts.claude_simulator",
        *model,
        *("--scenarios", str(stack.folder / "scenarios")),
        health=[f"{stack.simulator_url}/health"],
    )
    pace = {"ORCHESTRATOR_PORT": str(api), "RESCUE_SECONDS": "1", "SWEEP_SECONDS": "0.5"}
    stack.add(
        "orchestrator",
        "orchestrator",
        environment={**stack.stores, **pace},
        health=[f"{stack.api_url}/health", f"{stack.api_url}/ready"],
    )
    for number, profile in enumerate(PROFILES, start=1):
        port = free_port()
        environment = stack.agent_environment(f"agent-{number}", profile, port)
        health = [f"{_local(port)}/health"]
        stack.add(f"agent-{number}", "agent", environment=environment, health=health)
    stack.add(
        "dashboard",
        *("streamlit", "run", "ui/streamlit_app.py", "--server.port", str(dashboard)),
        *("--server.address", "127.0.0.1", "--server.headless", "true"),
        *("--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"),
        environment={"QUINTET_API_URL": stack.api_url},
        health=[f"{stack.dashboard_url}/_stcore/health"],
    )


def _knowing(word: str) -> Iterator[psutil.Process]:
    """Living processes, except this one, whose environment has the word in some value."""
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            known = process.environ()
        except (psutil.Error, OSError):  # it ended, or is another user's
            continue
        if any(word in value for value in known.values()):
            yield process


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _database(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class ModelRequests:
    """What the simulated model was asked, and faults for what it will be asked."""

    url: str

    async def fault(self, kind: str, **more: Any) -> None:
        """Let the next calls fail this way."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10) as client:
            answer = await client.post("/control/faults", json={"kind": kind, **more})
            answer.raise_for_status()

    async def faults_left(self) -> list[dict[str, Any]]:
        """The faults that have not happened yet."""
        left: list[dict[str, Any]] = await self._get("/control/faults")
        return left

    async def clear(self) -> None:
        """Forget every fault."""
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10) as client:
            (await client.delete("/control/faults")).raise_for_status()

    async def bodies_about(self, word: str) -> list[str]:
        """The agents' requests, as JSON text, in which this word stands."""
        lines = await self._get("/control/requests")
        numbers = [line["number"] for line in lines if line["caller"] == "agent"]
        bodies = [json.dumps(await self._get(f"/control/requests/{n}")) for n in numbers[-100:]]
        return [body for body in bodies if word in body]

    async def _get(self, path: str) -> Any:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10) as client:
            answer = await client.get(path)
            answer.raise_for_status()
            return answer.json()
