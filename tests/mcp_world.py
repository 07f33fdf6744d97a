"""A scripted orchestrator for the MCP server's tests, and the server as the program that it is."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TextIO

import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.types import BlobResourceContents, CallToolResult, TextContent, TextResourceContents
from pydantic import BaseModel

from shared.models import Artifact, BlockedPart, Plan, PlanVersion, RerunPart, RerunPreview
from shared.states import SubtaskStatus
from tests import ui_records as records
from tests.scripted_service import Reply, Request, ScriptedService
from ui.client import AsyncQuintetClient
from ui.mcp.server import build_server

ROOT = Path(__file__).parent.parent
DEADLINE = 20.0
LOAD = records.subtask("load", "completed", evidence="verified")
REPORT = records.subtask("report", "failed", "load", error="exit 1: rows differ", attempt=2)
TASK = records.task().id
TASK_PATH = f"/tasks/{TASK}"
HASH = "9f" * 32
PNG = b"\x89PNG\r\n\x1a\n and pixels"
FILES = {"load/rows.csv": b"region,amount\nnorth,42\n", "load/plot.png": PNG, "load/a.bin": b"\x00"}


def artifact(path: str, content: bytes, **changes: Any) -> Artifact:
    """A file that the subtask `load` left."""
    record = Artifact(
        path=path,
        name=path.rsplit("/", 1)[-1],
        size=len(content),
        sha256="0" * 64,
        media_type="application/octet-stream",
        subtask_id=LOAD.id,
        subtask_key="load",
        attempt=1,
    )
    return record.model_copy(update=changes)


ARTIFACTS = tuple(artifact(path, content) for path, content in FILES.items())
DONE = records.task(
    "completed", LOAD, answer="## North\n\n42 of 100", simulated=True, artifacts=ARTIFACTS
)
FAILED = records.task("failed", LOAD, REPORT, answer="Part of it.", partial=True)
RUNNING = records.task("in_progress", LOAD, records.subtask("report", "running", "load"))
WAITING = records.task("awaiting_approval", plan_hash=HASH)
PLAN = Plan.model_validate(
    {
        "summary": "Load, then report.",
        "subtasks": [
            {
                "id": "load",
                "title": "Load the sales",
                "description": "Read sales.csv.",
                "required_capabilities": ["data_analysis"],
                "dependencies": [],
                "priority": 5,
                "estimated_duration": 60,
                "expected_output": "rows.csv",
                "checks": [{"kind": "file_exists", "path": "rows.csv", "min_bytes": 1}],
            }
        ],
    }
)
VERSION = PlanVersion(
    version=1,
    hash=HASH,
    author="planner",
    feedback=None,
    created_at=records.START,
    current=True,
    plan=PLAN,
)


def _part(key: str) -> RerunPart:
    of = {"load": LOAD, "report": REPORT}[key]
    return RerunPart(
        id=of.id, key=key, title=of.title, status=of.status, attempt=1, cost_usd=of.cost_usd
    )


PREVIEW = RerunPreview(
    seen="5e" * 32,
    runs=(_part("report"),),
    reuses=(_part("load"),),
    stays_blocked=(
        BlockedPart(
            id=records.subtask_id("send"),
            key="send",
            title="Send it",
            status=SubtaskStatus.BLOCKED,
            held_by=("print",),
        ),
    ),
)


def ok(record: BaseModel, status: int = 200) -> Reply:
    """An answer with a record in it."""
    return Reply(status, record.model_dump_json())


def problem(status: int, slug: str, detail: str, **more: Any) -> Reply:
    """A refusal of the orchestrator."""
    body = {"type": f"urn:quintet:problem:{slug}", "title": "T", "status": status, "detail": detail}
    return Reply(status, json.dumps(body | more), "application/problem+json")


def routed(service: ScriptedService, replies: Mapping[str, Reply]) -> None:
    """Answer by `METHOD /path`; `/` stands for the task; the rest is 404."""
    table = {_route(key): reply for key, reply in replies.items()}

    def answer(request: Request) -> Reply:
        key = f"{request.method} {request.path.partition('?')[0]}"
        return table.get(key, problem(404, "not-found", f"there is no {key}"))

    service.answer = answer


def _route(key: str) -> str:
    method, path = key.split(" ")
    return f"{method} {path}" if path == "/tasks" else f"{method} {TASK_PATH}{path.rstrip('/')}"


def words(result: CallToolResult) -> str:
    """Everything that a result says."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def sent(service: ScriptedService, at: int = -1) -> Any:
    """The JSON body of a request."""
    return json.loads(service.seen[at].body)


class Mcp:
    """The official client, connected within this process for every call."""

    def __init__(self, service: ScriptedService) -> None:
        self.service = service
        self.url = service.url
        self.told: list[tuple[float, float | None, str | None]] = []

    def answers(self, replies: Mapping[str, Reply]) -> None:
        """As `routed`."""
        routed(self.service, replies)

    async def result(self, name: str, **arguments: Any) -> CallToolResult:
        """What a call gives, refused or not."""
        async with self._connected() as client:
            return await client.call_tool(name, arguments, progress_callback=self._hear)

    async def call(self, name: str, **arguments: Any) -> CallToolResult:
        """The result of a call that must succeed."""
        result = await self.result(name, **arguments)
        assert not result.is_error, words(result)
        return result

    async def refused(self, name: str, **arguments: Any) -> str:
        """What a call that must be refused says."""
        result = await self.result(name, **arguments)
        assert result.is_error, words(result)
        return words(result)

    async def read(self, uri: str) -> TextResourceContents | BlobResourceContents:
        """A resource's content."""
        async with self._connected() as client:
            return (await client.read_resource(uri)).contents[0]

    async def refused_read(self, uri: str) -> str:
        """What is said of a resource that must be refused."""
        async with self._connected() as client:
            with pytest.raises(MCPError) as raised:
                await client.read_resource(uri)
        return str(raised.value)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        async with (
            AsyncQuintetClient(self.url) as quintet,
            Client(build_server(quintet, "anna")) as client,
        ):
            yield client

    async def _hear(self, progress: float, total: float | None, message: str | None) -> None:
        self.told.append((progress, total, message))


def _environment(url: str) -> dict[str, str]:
    return {"QUINTET_API_URL": url, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}


@asynccontextmanager
async def over_stdio(url: str, log: TextIO) -> AsyncIterator[Client]:
    """The official client with `quintet mcp` as its child."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "ui.cli", "mcp"], env=_environment(url), cwd=ROOT
    )
    async with Client(stdio_client(command, log), read_timeout_seconds=DEADLINE) as client:
        yield client


@asynccontextmanager
async def over_http(url: str, log: TextIO) -> AsyncIterator[Client]:
    """The official client and `quintet mcp --http` on a free port."""
    async with (
        serving(url, log) as (address, _),
        Client(address, read_timeout_seconds=DEADLINE) as client,
    ):
        yield client


@asynccontextmanager
async def serving(url: str, log: TextIO, *options: str) -> AsyncIterator[tuple[str, Process]]:
    """`quintet mcp --http` with its address; what it says after that goes to the log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ui.cli", "mcp", "--http", "--port", "0", *options),
        env=_environment(url),
        cwd=ROOT,
        stdout=log,
        stderr=PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(DEADLINE):
            line = (await process.stderr.readline()).decode()
        assert " at http://127.0.0.1:" in line, line
        yield line.split(" at ")[1].strip(), process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(DEADLINE):
            rest = await process.stderr.read()
            await process.wait()
        log.write(rest.decode())
