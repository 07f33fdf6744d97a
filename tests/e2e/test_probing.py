"""Agents that are asked over HTTP to try a plan's checks, and what the planner makes of it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from agent.check_probes import CheckProbes
from agent.profiles import profile_named
from agent.runtime import Runtime
from agent.scrutiny import Scrutiny
from agent.service import create_app
from agent.toolbox import Toolboxes
from orchestrator.prober import Prober
from orchestrator.roster import Roster
from scripts.local_servers import free_port
from shared import config
from shared.database.data import DataStore
from shared.database.migrate import migrate_data
from shared.embedding import HashingEmbedder
from shared.http_server import server_for
from shared.models import Capability, Plan, PlannedCheck, Presence
from shared.queue import Doorbell
from tests.data_world import SECRET
from tests.ledger_world import World, plan_of, planned
from tests.messages_server import Failure, Reply, messages_server, say, structured
from tests.planning_world import NobodyTries, Planning
from tests.web_server import Received, WebServer, reply, web_server

TRUE = {"kind": "command", "command": "true"}
REPORT = {"kind": "file_exists", "path": "report-of-march.md"}
NOTHING = {"kind": "sql_count", "query": "SELECT 0"}
PLAN = plan_of(planned("a", checks=(TRUE, REPORT)), planned("b"), planned("c", checks=(NOTHING,)))
UNTRIED = {"a": [None, None], "c": [None]}
TRIED = {"a": [True, False], "c": [False]}


@dataclass
class Probing:
    """An orchestrator that looks for agents, and the ledger that it writes probes into."""

    world: World
    doorbell: Doorbell
    roster: Roster
    task_id: UUID

    async def announce(self, name: str, url: str, *, busy: bool = False) -> None:
        """An agent says that it is there."""
        presence = Presence(
            agent_id=name,
            profile="analyst",
            url=url,
            capabilities=(Capability.DATA_ANALYSIS,),
            slots=1,
            running=("work",) if busy else (),
            started_at=datetime.now(UTC),
        )
        await self.doorbell.appear(presence)
        await self.roster.refresh()

    async def tried(self, plan: Plan = PLAN, *, seconds: float = 20.0) -> dict[str, list[Any]]:
        """What is known of each check after the plan was probed."""
        prober = Prober(self.world.tasks, self.roster, seconds=seconds)
        found = await prober.probe(self.task_id, plan)
        assert await self.probes() == 0, "no probe outlives its question"
        assert {key: [each.check for each in checks] for key, checks in found.items()} == {
            each.id: list(each.checks) for each in plan.subtasks if each.checks
        }
        return {key: [each.vacuous for each in checks] for key, checks in found.items()}

    async def probes(self) -> int:
        """Probes that are written down."""
        count: int = await self.world.pool.fetchval("SELECT count(*) FROM check_probes")
        return count


@dataclass
class Peer:
    """Something that answers at an agent's address; `ids` are the probes it was asked for."""

    ids: list[UUID] = field(default_factory=list)

    def answers(self, body: Any, *, status: str = "200 OK") -> Callable[[Received], bytes]:
        """Answer everything with this."""

        def respond(received: Received) -> bytes:
            assert (received.method, received.target) == ("POST", "/probe")
            self.ids.append(UUID(json.loads(received.body)["probe_id"]))
            text = body if isinstance(body, str) else json.dumps(body)
            return reply(text, status=status, content_type="application/json")

        return respond


@pytest.fixture
async def probing(world: World, redis_url: str) -> AsyncIterator[Probing]:
    async with Doorbell(redis_url) as doorbell:
        yield Probing(world, doorbell, Roster(doorbell), await world.submit())


@asynccontextmanager
async def real_agent(
    world: World, folder: Path, data_url: str, *, seconds: float = 45
) -> AsyncIterator[str]:
    """The part of an agent process that tries checks, at its address."""
    await migrate_data(data_url)
    runtime = Runtime(
        profile=profile_named("analyst"),
        model="none",
        fallback_model=None,
        files=folder / "files",
        scratch=folder,
        environment={},
        sandbox=False,
        hidden=(),
        attempt_seconds=60,
        marker=f"probing@{folder}",
    )
    async with DataStore.open(data_url, SECRET) as store, asyncio.TaskGroup() as group:
        toolboxes = Toolboxes(store, HashingEmbedder(), config.AgentSettings(), "agent-1")
        probes = CheckProbes(Scrutiny(runtime), toolboxes, world.tasks, seconds=seconds)
        app = create_app(None, None, probes)
        listener = socket.create_server(("127.0.0.1", 0))
        server = server_for(app, host="127.0.0.1", port=0)
        serving = group.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.finish()
        await serving


async def test_an_agent_tells_which_checks_prove_nothing(
    probing: Probing, tmp_path: Path, data_database_url: str
) -> None:
    async with real_agent(probing.world, tmp_path, data_database_url) as url:
        await probing.announce("agent-1", url)
        assert await probing.tried() == TRIED
        async with httpx2.AsyncClient(base_url=url, timeout=10) as http:
            unknown = await http.post("/probe", json={"probe_id": str(uuid4())})
            smuggled = await http.post(
                "/probe", json={"probe_id": str(uuid4()), "checks": [{"check": TRUE}]}
            )
    assert unknown.status_code == 404
    assert smuggled.status_code == 422, "nobody's command is taken from the network"
    left = await asyncio.to_thread(lambda: list(tmp_path.glob("checks-*")))
    assert left == []


@pytest.mark.parametrize("url", ["", "agent-1", "ftp://127.0.0.1/", "http://[::1", "http://a b/"])
async def test_an_address_that_is_none_leaves_them_untried(probing: Probing, url: str) -> None:
    await probing.announce("agent-1", url)
    assert await probing.tried() == UNTRIED


async def test_without_agents_checks_stay_untried(probing: Probing) -> None:
    assert await probing.tried() == UNTRIED


async def test_nobody_at_the_address_leaves_them_untried(probing: Probing) -> None:
    await probing.announce("agent-1", f"http://127.0.0.1:{free_port()}")
    assert await probing.tried() == UNTRIED


def _checks(*vacuous: bool | None) -> list[dict[str, Any]]:
    checks = [check for subtask in PLAN.subtasks for check in subtask.checks]
    return [
        PlannedCheck(check=check, vacuous=mark).model_dump(mode="json")
        for check, mark in zip(checks, vacuous, strict=False)
    ]


RUBBISH: dict[str, tuple[Any, str]] = {
    "no json": ("<html>hello</html>", "200 OK"),
    "no checks": ({}, "200 OK"),
    "no list": ([], "200 OK"),
    "null": ("null", "200 OK"),
    "too few": ({"checks": _checks(True, True)}, "200 OK"),
    "other checks": ({"checks": [{"check": TRUE, "vacuous": False}] * 3}, "200 OK"),
    "unknown kind": ({"checks": [{"check": {"kind": "magic"}}] * 3}, "200 OK"),
    "refused": ({"title": "Busy"}, "503 Service Unavailable"),
    "elsewhere": ({}, "302 Found"),
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish_is_no_answer_and_the_next_is_asked(probing: Probing, name: str) -> None:
    body, status = RUBBISH[name]
    wrong, right = Peer(), Peer()
    async with (
        web_server(wrong.answers(body, status=status)) as first,
        web_server(right.answers({"checks": _checks(True, False, False)})) as second,
    ):
        await probing.announce("agent-1", _address(first))
        assert await probing.tried() == UNTRIED
        await probing.announce("agent-2", _address(second), busy=True)
        assert await probing.tried() == TRIED
    assert len(wrong.ids) == 2
    assert wrong.ids[1] == right.ids[0], "both are asked about the same probe"


async def test_who_takes_too_long_is_not_waited_for(probing: Probing) -> None:
    slow = Peer()
    async with web_server(slow.answers({"checks": _checks(True, True, True)}), pause=5) as server:
        await probing.announce("agent-1", _address(server))
        assert await probing.tried(seconds=0.3) == UNTRIED


async def test_who_takes_too_long_has_taken_the_time_of_the_others(probing: Probing) -> None:
    slow, quick = Peer(), Peer()
    async with (
        web_server(slow.answers({"checks": _checks(True, True, True)}), pause=5) as first,
        web_server(quick.answers({"checks": _checks(True, False, False)})) as second,
    ):
        await probing.announce("agent-1", _address(first))
        await probing.announce("agent-2", _address(second), busy=True)
        assert await probing.tried(seconds=0.3) == UNTRIED
    assert quick.ids == []


async def test_what_an_agent_could_not_decide_is_not_asked_of_another(probing: Probing) -> None:
    some, other = Peer(), Peer()
    async with (
        web_server(some.answers({"checks": _checks(True, None, None)})) as first,
        web_server(other.answers({"checks": _checks(True, False, False)})) as second,
    ):
        await probing.announce("agent-1", _address(first))
        await probing.announce("agent-2", _address(second), busy=True)
        assert await probing.tried() == {"a": [True, None], "c": [None]}
    assert other.ids == []


async def test_an_agent_tells_what_it_knows_when_its_time_is_up(
    probing: Probing, tmp_path: Path, data_database_url: str
) -> None:
    slow = [{"kind": "command", "command": f"sleep {n}; test -e report.md"} for n in range(50, 54)]
    plan = plan_of(planned("a", checks=(TRUE, *slow, REPORT)))
    async with real_agent(probing.world, tmp_path, data_database_url, seconds=2) as url:
        await probing.announce("agent-1", url)
        began = asyncio.get_running_loop().time()
        assert await probing.tried(plan) == {"a": [True, None, None, None, None, None]}
        assert asyncio.get_running_loop().time() - began < 6
        quick = plan_of(planned("a", checks=(slow[0], REPORT, TRUE)))
        assert await probing.tried(quick) == {"a": [None, False, True]}


async def test_the_idle_are_asked_before_the_busy(probing: Probing) -> None:
    busy, idle = Peer(), Peer()
    answer = {"checks": _checks(True, False, False)}
    async with (
        web_server(busy.answers(answer)) as first,
        web_server(idle.answers(answer)) as second,
    ):
        await probing.announce("agent-1", _address(first), busy=True)
        await probing.announce("agent-2", _address(second))
        assert await probing.tried() == TRIED
    assert (len(busy.ids), len(idle.ids)) == (0, 1)


async def test_a_plan_without_checks_asks_nobody(probing: Probing) -> None:
    peer = Peer()
    async with web_server(peer.answers({})) as server:
        await probing.announce("agent-1", _address(server))
        assert await probing.tried(plan_of(planned("a"))) == {}
    assert peer.ids == []


def _address(server: WebServer) -> str:
    return server.url("")


def planning(world: World, url: str, files: Path, *vacuous: str) -> Planning:
    """A planner, where these commands prove nothing."""
    return Planning(world, url, files, prober=NobodyTries(vacuous))


def checked(command: str, *after: str) -> dict[str, Any]:
    """A plan as the model returns it, with one command for its check."""
    check = {"kind": "command", "command": command}
    return plan_of(planned("a", *after, checks=(check,))).model_dump(mode="json")


async def test_a_vacuous_check_goes_back_once_and_the_better_plan_is_taken(
    world: World, simulator_url: str, tmp_path: Path
) -> None:
    planner = planning(world, simulator_url, tmp_path, "true")
    task = await planner.plan("Write a greeting with a vacuous check in its plan.")
    kinds = [(each.check.kind, each.vacuous) for each in task.subtasks[0].checks]
    assert kinds == [("file_exists", False), ("text_matches", False)]
    first, second = (json.dumps(body) for body in await planner.asked())
    assert "is vacuous" not in first
    assert "check 1 (command) of subtask 'greet' is vacuous" in second
    assert [row["purpose"] for row in await planner.calls(task.id)] == ["planner", "planner"]


async def test_a_check_that_stays_vacuous_is_kept_and_marked(
    world: World, simulator_url: str, tmp_path: Path
) -> None:
    planner = planning(world, simulator_url, tmp_path, "true", "test -d .")
    task = await planner.plan("Write a farewell with a vacuous plan please.")
    assert task.status == "in_progress"
    assert [each.vacuous for each in task.subtasks[0].checks] == [True]
    assert len(await planner.asked()) == 2, "it is sent back once, not for ever"


@pytest.mark.parametrize(
    "second",
    [structured(checked("make test", "nobody")), say("no plan"), Failure(401, "permission_error")],
    ids=["invalid", "no plan", "away"],
)
async def test_a_plan_that_is_not_mended_is_better_than_none(
    world: World, tmp_path: Path, second: Reply
) -> None:
    script = [structured(checked("true")), second]
    with messages_server(script) as server:
        planner = planning(world, server.url, tmp_path, "true")
        task = await planner.plan("Do something.")
        asked = len(server.requests)
    assert (task.status, asked) == ("in_progress", 2)
    (check,) = task.subtasks[0].checks
    assert (check.vacuous, check.check.model_dump()["command"]) == (True, "true")
    assert len(await planner.calls(task.id)) >= 1


async def test_a_check_that_cannot_be_carried_out_goes_back(world: World, tmp_path: Path) -> None:
    broken = plan_of(planned("a", checks=({"kind": "file_exists", "path": "/etc/passwd"},)))
    script = [structured(broken.model_dump(mode="json")), structured(checked("make test"))]
    with messages_server(script) as server:
        task = await planning(world, server.url, tmp_path).plan("Do something.")
        sent_back = json.dumps(server.requests[1].body)
    assert task.status == "in_progress"
    assert "is not a relative path inside the working directory" in sent_back
