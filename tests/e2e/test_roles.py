"""Roles: agents as files, and the tester whose tests have to tell right from broken."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.checks.runner import run_checks
from agent.profiles import profile_named
from scripts.local_servers import free_port
from shared.models import Doubt, Evidence, Presence
from shared.states import FailureKind
from tests.attempt_world import Attempted, Bench, open_bench
from tests.check_world import check_context
from tests.data_world import data_database
from tests.e2e.stack_world import ROOT, START_SECONDS, STOP_SECONDS, Stack
from tests.messages_server import call, structured

MODULE = "def double(number: int) -> int:\n    return 2 * number\n"
TELLING = "from double import double\n\n\ndef test_double():\n    assert double(3) == 6\n"
BLIND = "import double\n\n\ndef test_double():\n    assert double.double is not None\n"
HOLLOW = "from double import double\n\n\ndef test_double():\n    double(3)\n"
POET = """
name = "poet"
title = "Poet"
purpose = "verses that scan"
capabilities = ["file_processing"]
tools = ["Read", "Write"]
mcp_tools = []
prompt = "You are a poet: you write verses into files, and count their syllables."
[[checks]]
check = { kind = "file_exists", path = "*.txt" }
"""


@pytest.fixture
async def bench(tmp_path: Path, data_url: str) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, data_url) as bench:
        yield bench


@pytest.fixture(scope="module")
def data_url(postgres_url: str) -> Iterator[str]:
    with data_database(postgres_url) as url:
        yield url


async def attempt_at(bench: Bench, *tests: str, max_corrections: int = 0) -> Attempted:
    """A tester's attempt at the module, with one version of its tests a round."""
    done = structured({"summary": "Wrote the tests.", "files": ["test_double.py"]})
    rounds = [
        [
            call("Write", file_path="{cwd}/double.py", content=MODULE),
            call("Write", file_path="{cwd}/test_double.py", content=text),
            done,
        ]
        for text in tests
    ]
    return await bench.attempt(rounds, role="test", max_corrections=max_corrections)


async def test_tests_that_tell_broken_code_apart_are_verified(bench: Bench) -> None:
    done = await attempt_at(bench, TELLING)
    assert done.verification.evidence is Evidence.VERIFIED
    (check,) = done.verification.rounds[0].checks
    assert (check.source, check.outcome, check.vacuous) == ("profile", "passed", False)
    assert "double.py" in check.output


@pytest.mark.parametrize("tests", [BLIND, HOLLOW], ids=["blind", "hollow"])
async def test_tests_that_notice_nothing_are_refused(bench: Bench, tests: str) -> None:
    done = await attempt_at(bench, tests)
    assert done.failed.kind is FailureKind.CHECKS
    assert "No test fails when every function of double.py returns None." in done.failed.error


async def test_a_tester_learns_what_its_tests_miss(bench: Bench) -> None:
    done = await attempt_at(bench, BLIND, TELLING, max_corrections=1)
    assert [each.doubt for each in done.verification.rounds] == [Doubt.CHECKS, None]
    assert done.verification.evidence is Evidence.VERIFIED
    assert "every function of double.py returns None" in done.prompts[1]
    assert done.verification.corrections[0].changed == ("changed test_double.py",)


PACKAGE = '{"name": "page", "private": true, "scripts": {"build": "%s"}}'


@pytest.mark.parametrize(
    ("files", "outcomes"),
    [
        ({"index.html": "<h1>Page</h1>"}, ["skipped", "skipped"]),
        ({"package.json": '{"name": "page"}'}, ["skipped", "skipped"]),
        ({"package.json": '{"scripts": {"test": "x"}}'}, ["skipped", "skipped"]),
        ({"package.json": "{"}, ["error", "skipped"]),
        ({"package.json": PACKAGE % "exit 3"}, ["failed", "skipped"]),
        ({"tsconfig.json": "{}", "main.ts": "const n: string = 1"}, ["skipped", "failed"]),
    ],
)
async def test_a_page_is_built_and_its_types_checked_where_its_project_says_how(
    tmp_path: Path, files: dict[str, str], outcomes: list[str]
) -> None:
    """What fails here fails without npm as well."""
    context = check_context(tmp_path)
    for name, text in files.items():
        (context.folder / name).write_text(text)
    results = await run_checks(profile_named("frontend").checks, context)
    assert [each.outcome for each in results] == outcomes


async def test_a_build_that_works_passes_where_there_is_npm(tmp_path: Path) -> None:
    context = check_context(tmp_path)
    (context.folder / "package.json").write_text(PACKAGE % "test -e index.html")
    (context.folder / "index.html").write_text("<h1>Page</h1>")
    build, _ = await run_checks(profile_named("frontend").checks, context)
    npm = shutil.which("npm", path=context.shell.environment["PATH"])
    assert build.outcome == ("passed" if npm else "failed")


async def test_a_page_that_nothing_built_is_not_verified(bench: Bench) -> None:
    page = [
        call("Write", file_path="{cwd}/package.json", content='{"name": "page"}'),
        call("Write", file_path="{cwd}/index.html", content="<h1>Page</h1>"),
        structured({"summary": "Wrote the page.", "files": ["index.html"]}),
    ]
    done = await bench.attempt([page], role="frontend", max_corrections=0)
    assert done.verification.evidence is Evidence.SELF_REPORTED
    checks = done.verification.rounds[0].checks
    assert [each.outcome for each in checks] == ["skipped", "skipped"]


async def test_an_agent_may_be_of_the_profile_backend(stack: Stack) -> None:
    with agent(stack, "backend", path=ROOT) as url:
        present = await status(url)
    assert (present.profile, present.capabilities) == ("backend", ("code_generation",))
    assert {"backend", "frontend", "test"} <= set(present.roles)


async def test_a_new_profile_needs_a_file_and_no_code(stack: Stack, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "agent", tmp_path / "agent")
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    (tmp_path / "agent/profiles/poet.toml").write_text(POET)
    with agent(stack, "poet", path=tmp_path) as url:
        present = await status(url)
    assert (present.profile, present.capabilities) == ("poet", ("file_processing",))
    assert present.roles["poet"] == "verses that scan"


def test_a_file_that_is_no_profile_stops_the_start(stack: Stack, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "agent", tmp_path / "agent")
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    (tmp_path / "agent/profiles/poet.toml").write_text(POET.replace("tools = [", "tolls = ["))
    refused = subprocess.run(
        (sys.executable, "-m", "agent"),
        **surroundings(stack, "poet", tmp_path, 0),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert refused.returncode == 2
    assert "poet.toml is not a profile" in refused.stderr
    assert "tolls" in refused.stderr


@contextmanager
def agent(stack: Stack, profile: str, *, path: Path) -> Iterator[str]:
    """An agent process of this profile, from the code at `path`, beside those of the stack."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        (sys.executable, "-m", "agent"),
        **surroundings(stack, profile, path, port),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield url
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=STOP_SECONDS)
        assert process.returncode == 0, told
    finally:
        process.kill()
        process.communicate()


def surroundings(stack: Stack, profile: str, path: Path, port: int) -> dict[str, Any]:
    """Where an agent process starts, and what it is told."""
    told = stack.agent_environment(f"{profile}-agent", profile, port)
    return {"cwd": path, "env": {**stack.basis, **told, "PYTHONPATH": str(path)}}


async def status(url: str) -> Presence:
    """What the agent says of itself, once it is up."""
    deadline = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=5) as http:
        while True:
            try:
                answer = await http.get("/status")
                return Presence.model_validate_json(answer.raise_for_status().content)
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the agent never answered"
                await asyncio.sleep(0.1)
