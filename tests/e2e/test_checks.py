"""Checks as they are run on what an agent left: what passes, what does not, and why."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.checks.probe import probe
from agent.checks.runner import CheckContext, CheckError, run_checks
from agent.checks.shell import OUTPUT_BYTES, run
from agent.profiles import profile_named
from shared.models import (
    Check,
    CheckResult,
    CommandCheck,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    PlannedCheck,
    SqlCountCheck,
    TextMatchesCheck,
)
from tests.check_world import SANDBOXES, check_context, check_shell, folder_of

sandboxed = pytest.mark.parametrize("sandbox", SANDBOXES)
only_shut_in = pytest.mark.parametrize("sandbox", [box for box in SANDBOXES if box])


def command(words: str) -> CommandCheck:
    return CommandCheck(kind="command", command=words)


def exists(path: str, min_bytes: int = 1) -> FileExistsCheck:
    return FileExistsCheck(kind="file_exists", path=path, min_bytes=min_bytes)


def matches(path: str, pattern: str) -> TextMatchesCheck:
    return TextMatchesCheck(kind="text_matches", path=path, pattern=pattern)


def schema(text: str) -> JsonSchemaCheck:
    return JsonSchemaCheck(kind="json_schema", json_schema=text)


def count(minimum: int = 1) -> SqlCountCheck:
    return SqlCountCheck(kind="sql_count", query="SELECT count(*) FROM sales", minimum=minimum)


async def judged(check: Check, context: CheckContext, **planned: Any) -> CheckResult:
    """What becomes of one check."""
    (result,) = await run_checks([PlannedCheck(check=check, **planned)], context)
    return result


@pytest.fixture
def context(tmp_path: Path) -> CheckContext:
    return check_context(tmp_path)


@sandboxed
async def test_each_result_says_what_was_asked_and_found(tmp_path: Path, sandbox: bool) -> None:
    context = check_context(tmp_path, {"total": 42}, sandbox=sandbox)
    (context.folder / "report.md").write_text("Total: 42\n")
    heard: list[CheckResult] = []
    planned = [
        PlannedCheck(check=command("echo seen; exit 3"), vacuous=False),
        PlannedCheck(check=exists("report.md"), vacuous=True),
        PlannedCheck(check=schema('{"required": ["total"]}'), source="profile", when="*.md"),
        PlannedCheck(check=matches("*.md", "^Total: [0-9]+$")),
        PlannedCheck(check=command("false"), source="profile", when="**/*.py"),
    ]
    results = await run_checks(planned, context, heard.append)
    assert list(results) == heard
    assert [result.position for result in results] == [0, 1, 2, 3, 4]
    outcomes = [result.outcome for result in results]
    assert outcomes == ["failed", "passed", "passed", "passed", "skipped"]
    assert [result.vacuous for result in results] == [False, True, False, False, False]
    assert [result.source for result in results] == ["plan", "plan", "profile", "plan", "profile"]
    first, second, third, fourth, last = results
    assert (first.what, first.detail, first.output) == (
        "echo seen; exit 3",
        "exit status 3",
        "seen",
    )
    assert first.seconds > 0
    assert second.detail == "report.md has 10 bytes"
    assert third.detail == "the output satisfies the schema"
    assert fourth.detail == "report.md matches ^Total: [0-9]+$ in line 1"
    assert last.detail == "it is for **/*.py, and there is none"


async def test_a_check_that_is_wrong_itself_is_an_error(context: CheckContext) -> None:
    for check, detail in (
        (command("echo \0"), "null byte"),
        (command("x" * 300_000), "Argument list too long"),
        (exists("../attempt/x"), "is not a path inside the working directory"),
        (matches("*", "a("), "a( is not a regular expression: missing )"),
        (schema("{"), "the schema is not JSON"),
        (schema("[" * 5000), "too much to look at"),
        (count(), "this task has no data that could be counted"),
    ):
        result = await judged(check, context)
        assert result.outcome == "error"
        assert detail in result.detail
        assert "\n" not in result.detail


async def test_a_profile_may_name_what_only_the_installation_knows(context: CheckContext) -> None:
    words = "{python} -I {checks}/tests_tell_apart.py"
    assert (await judged(command(words), context)).detail == "exit status 127"
    ours = await judged(command(words), context, source="profile")
    assert (ours.detail, ours.output) == (
        "exit status 2",
        "There is no test file (test_*.py or *_test.py).",
    )


async def test_a_number_and_a_status_come_from_the_caller(context: CheckContext) -> None:
    async def number(query: str) -> float:
        assert query == "SELECT count(*) FROM sales"
        return 12

    async def refused(_: str) -> float:
        raise CheckError("there is no table sales", remedy="name one that exists")

    async def lost(_: str) -> float:
        raise ConnectionResetError("the database went away")

    async def status(url: str) -> int:
        return 404 if url.endswith("missing") else 200

    async def never(_: str) -> int:
        await asyncio.sleep(60)
        raise AssertionError

    def get(path: str) -> HttpStatusCheck:
        return HttpStatusCheck(kind="http_status", url=f"https://example.org/{path}")

    data, web = replace(context, count=number), replace(context, http=True, http_get=status)
    expected: list[tuple[Check, CheckContext, str, str]] = [
        (count(12), data, "passed", "the query returned 12"),
        (count(13), data, "failed", "the query returned 12"),
        (count(), replace(context, count=refused), "error", "there is no table sales name one"),
        (count(), replace(context, count=lost), "error", "the database went away"),
        (count(), replace(context, count=never, seconds=0.01), "failed", "not done after 0.01 s"),
        (get(""), web, "passed", "it answered with 200"),
        (get("missing"), web, "failed", "it answered with 404"),
        (get(""), replace(web, http=False), "skipped", "switched off"),
        (get(""), replace(web, http_get=never, seconds=0.01), "failed", "not done after 0.01 s"),
    ]
    for check, where, outcome, detail in expected:
        result = await judged(check, where)
        assert result.outcome == outcome
        assert detail in result.detail


async def test_a_folder_that_is_not_there_is_an_error(context: CheckContext) -> None:
    gone = replace(context, folder=context.folder / "gone")
    result = await judged(command("true"), gone)
    assert result.outcome == "error"
    assert "gone" in result.detail


@sandboxed
async def test_tests_that_do_not_exist_do_not_pass(tmp_path: Path, sandbox: bool) -> None:
    context = check_context(tmp_path, sandbox=sandbox)
    assert (await judged(command("pytest -q"), context)).detail == "exit status 5"
    (context.folder / "test_it.py").write_text("def test_it():\n    assert True\n")
    assert (await judged(command("pytest -q"), context)).outcome == "passed"
    (context.folder / "test_it.py").write_text("def test_it():\n    assert False\n")
    assert (await judged(command("pytest -q"), context)).detail == "exit status 1"


@only_shut_in
async def test_what_is_hidden_or_outside_is_out_of_reach(tmp_path: Path, sandbox: bool) -> None:
    task = tmp_path / "files/task"
    other = tmp_path / "files/other"
    for folder in (task / "context", other):
        folder.mkdir(parents=True)
        (folder / "data.csv").write_text("1")
    file = tmp_path / "key"
    file.write_text("secret")
    shell = check_shell(tmp_path, sandbox=sandbox, readable=(task, tmp_path / "absent"))
    shell = replace(shell, hidden=(*shell.hidden, file, tmp_path / "absent"))

    async def code(words: str, shut_in: bool = True) -> int | None:
        where = replace(shell, sandbox=shut_in)
        ran = await run(where, ["sh", "-c", words], folder=folder_of(tmp_path), seconds=10)
        return ran.exit_code

    assert await code(f"cat {task}/context/data.csv && cat ../../context/data.csv") == 0
    assert await code("echo x > made && echo x > $HOME/made && echo x > /tmp/made") == 0
    assert (folder_of(tmp_path) / "made").exists()
    assert (tmp_path / "scratch/made").exists()
    assert await code("test -e /tmp/made", shut_in=False) == 1
    outside = Path(__file__).parent / "made"
    for forbidden in (
        f"cat {other}/data.csv",
        f"grep secret {file}",
        f"echo x > {task}/context/data.csv",
        f"echo x > {tmp_path}/files/made",
        f"echo x > {outside}",
        "mount -o remount,rw /",
        f"umount {tmp_path}/files",
        f"kill -0 {os.getpid()}",
        f"test -e /proc/{os.getppid()}/environ -a -d {tmp_path}/files/other",
    ):
        assert await code(forbidden) != 0, forbidden
    assert not outside.exists()
    # the same words work where nothing shuts them in
    assert await code(f"cat {other}/data.csv && grep secret {file}", shut_in=False) == 0


@only_shut_in
async def test_there_is_no_network(tmp_path: Path, sandbox: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        words = ["bash", "-c", f"echo > /dev/tcp/127.0.0.1/{port}"]
        for shut_in, reached in ((sandbox, False), (False, True)):
            shell = check_shell(tmp_path, sandbox=shut_in)
            ran = await run(shell, words, folder=folder_of(tmp_path), seconds=10)
            assert (ran.exit_code == 0) is reached


@sandboxed
async def test_commands_know_only_what_they_are_given(tmp_path: Path, sandbox: bool) -> None:
    shell = check_shell(tmp_path, sandbox=sandbox)
    ran = await run(shell, ["env"], folder=folder_of(tmp_path), seconds=10)
    seen = dict(line.split("=", 1) for line in ran.output.splitlines())
    assert seen.pop("QUINTET_ATTEMPT").startswith(f"{shell.marker}/")
    assert seen.pop("PWD", str(folder_of(tmp_path))) == str(folder_of(tmp_path))
    assert seen == shell.environment
    assert "environment" not in repr(shell)


@sandboxed
async def test_of_much_output_the_end_is_kept(tmp_path: Path, sandbox: bool) -> None:
    shell = check_shell(tmp_path, sandbox=sandbox)
    words = "head -c 200000000 /dev/zero | tr '\\0' x; printf '\\033[31mred\\033[0m \\xff\\r\\nend'"
    ran = await run(shell, ["bash", "-c", f"{words} >&2"], folder=folder_of(tmp_path), seconds=30)
    assert ran.exit_code == 0
    assert ran.output.endswith("xxred \ufffd\nend")
    assert OUTPUT_BYTES - 50 < len(ran.output) <= OUTPUT_BYTES


async def test_what_is_given_on_stdin_need_not_be_read(tmp_path: Path) -> None:
    shell = check_shell(tmp_path)
    much = b"x" * 5_000_000
    for words, output in ((["wc", "-c"], "5000000"), (["true"], "")):
        ran = await run(shell, words, folder=folder_of(tmp_path), seconds=10, stdin=much)
        assert (ran.exit_code, ran.output) == (0, output)


async def test_a_missing_program_is_said(tmp_path: Path) -> None:
    ran = await run(check_shell(tmp_path), ["no-such"], folder=folder_of(tmp_path), seconds=10)
    assert (ran.exit_code, ran.output) == (
        127,
        "cannot start no-such: No such file or directory",
    )


@only_shut_in
async def test_a_sandbox_that_cannot_be_made_is_an_error(tmp_path: Path, sandbox: bool) -> None:
    context = check_context(tmp_path, sandbox=sandbox)
    broken = replace(context.shell, hidden=(Path(f"/proc/{os.getpid()}"),))
    result = await judged(command("true"), replace(context, shell=broken))
    assert result.outcome == "error"
    assert result.detail.startswith("the sandbox could not be made: bwrap: ")


async def test_a_pattern_without_end_holds_nobody_up(context: CheckContext) -> None:
    (context.folder / "a.txt").write_text("a" * 40 + "b")
    slowest, last = 0.0, time.monotonic()

    @asynccontextmanager
    async def watched() -> AsyncIterator[None]:
        async def watch() -> None:
            nonlocal slowest, last
            while True:
                await asyncio.sleep(0.01)
                slowest, last = max(slowest, time.monotonic() - last), time.monotonic()

        watching = asyncio.create_task(watch())
        yield
        watching.cancel()

    async with watched():
        result = await judged(matches("a.txt", "(a+)+$"), replace(context, seconds=1))
    assert (result.outcome, result.detail) == ("failed", "not done after 1 s")
    assert result.seconds < 3
    assert slowest < 0.5


async def test_a_large_file_and_a_full_folder(context: CheckContext) -> None:
    with (context.folder / "large.txt").open("wb") as file:
        file.write(b"begin\n")
        file.seek(100 * 1024 * 1024)
        file.write(b"end")
    (context.folder / "many").mkdir()
    for number in range(3000):
        (context.folder / f"many/{number}.txt").touch()
    assert (await judged(exists("large.txt", 100_000_000), context)).outcome == "passed"
    assert (await judged(matches("large.txt", "^begin$"), context)).outcome == "passed"
    missed = await judged(matches("large.txt", "end"), context)
    assert "the first 10 MiB are read" in missed.detail
    assert (await judged(exists("**/2999.txt", 0), context)).outcome == "passed"
    assert (await judged(matches("**/*", "never"), context)).outcome == "failed"


@sandboxed
async def test_what_passes_without_the_work_is_vacuous(tmp_path: Path, sandbox: bool) -> None:
    context = check_context(tmp_path, sandbox=sandbox)
    expected = {
        command("test -z \"$(find . -name '*.rs')\""): True,
        command("pytest -q || [ $? -eq 5 ]"): True,
        command("pytest -q"): False,
        exists("**/*.py"): True,
        exists("forecast.csv"): False,
    }
    found = await probe([PlannedCheck(check=check) for check in expected], context)
    assert {one.check: one.vacuous for one in found} == expected
    assert list(context.folder.iterdir()) == []
    assert not list(context.shell.scratch.glob("probe-*"))


async def test_where_a_check_does_not_apply_it_has_not_passed(context: CheckContext) -> None:
    lint = command("ruff check .")
    expected = {"*.absent": False, "**/*.py": False, None: True}
    planned = [PlannedCheck(check=lint, when=when) for when in expected]
    assert {one.when: one.vacuous for one in await probe(planned, context)} == expected


@pytest.mark.parametrize("name", ["backend", "frontend", "test"])
async def test_the_checks_of_the_roles_prove_something(context: CheckContext, name: str) -> None:
    checks = profile_named(name).checks
    assert [one.vacuous for one in await probe(checks, context)] == [False] * len(checks)


async def test_more_of_what_is_vacuous(context: CheckContext) -> None:
    expected = {
        command("sleep 60; true"): True,  # by its words: it does not run
        command("ruff check ."): True,  # of nothing
        command("ruff check main.py"): False,
        command("mkdir made"): True,
        command("test -d made"): False,  # each has a workspace of its own
        matches("*.md", "."): True,
        matches("*.md", "Forecast"): False,
        matches("*.md", "("): False,
        schema("{}"): True,
        schema('{"type": "object"}'): True,
        schema('{"required": ["beds"]}'): True,
        schema('{"required": ["summary"]}'): False,  # of the result's shell, not of its output
        schema('{"required": ["forecast"]}'): False,
        count(): False,
    }
    found = await probe([PlannedCheck(check=check) for check in expected], context)
    assert {one.check: one.vacuous for one in found} == expected


async def test_what_is_known_is_not_tried_again(context: CheckContext) -> None:
    known = [
        PlannedCheck(check=command("true"), vacuous=False),
        PlannedCheck(check=command("touch $HOME/ran; false"), vacuous=True),
    ]
    assert await probe(known, context) == tuple(known)
    assert not (context.shell.scratch / "ran").exists()


async def test_a_probe_that_takes_too_long_decides_nothing(context: CheckContext) -> None:
    asked = PlannedCheck(check=command("sleep 60 && true"))
    (found,) = await probe([asked], replace(context, seconds=0.3))
    assert found.vacuous is False


async def test_when_the_time_for_all_is_over_the_rest_stays_untried(context: CheckContext) -> None:
    slow = [PlannedCheck(check=command(f"sleep {60 + n}; test -d x")) for n in range(4)]
    known = PlannedCheck(check=exists("x"), vacuous=True)
    began = time.monotonic()
    found = await probe([*slow, known, PlannedCheck(check=command("true"))], context, seconds=1)
    assert time.monotonic() - began < 5
    assert [one.vacuous for one in found] == [None, None, None, None, True, True]
    assert not list(context.shell.scratch.glob("probe-*"))


async def test_some_are_tried_at_once(context: CheckContext) -> None:
    """Each passes unless it meets the two others."""
    words = "touch $HOME/at-{}; for n in $(seq 50); do [ -e $HOME/at-{} -a -e $HOME/at-{} ] &&"
    asked = [f"{words.format(*ids)} exit 1; sleep 0.1; done" for ids in ("abc", "bca", "cab")]
    found = await probe([PlannedCheck(check=command(each)) for each in asked], context)
    assert [one.vacuous for one in found] == [False] * 3


async def test_a_number_that_is_there_before_the_work_is_vacuous(context: CheckContext) -> None:
    async def number(_: str) -> float:
        return 5

    counting = replace(context, count=number)
    found = await probe([PlannedCheck(check=count(n)) for n in (5, 6)], counting)
    assert [one.vacuous for one in found] == [True, False]
