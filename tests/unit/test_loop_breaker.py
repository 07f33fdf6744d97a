"""Scripted loops that must end, and long honest work that must not."""

from itertools import count, product
from pathlib import Path
from typing import Any

import pytest

from agent.claude_events import ToolCalled, ToolDenied, ToolReturned, TurnEnded, digest_of
from agent.loop_breaker import LoopBreaker, directory_fingerprint
from agent.loop_limits import LoopLimits
from shared.errors import LoopDetected
from shared.states import FailureKind


class Agent:
    """An agent's tool calls as a session tells them; `files` stands for its directory's state."""

    def __init__(self, **limits: int) -> None:
        self.files = 0
        self.breaker = LoopBreaker(LoopLimits(**limits), lambda: self.files)
        self.warnings: list[str] = []
        self._ids = (f"call-{number}" for number in count())

    def call(
        self,
        tool: str,
        answer: str = "",
        *,
        failed: bool = False,
        changes: bool = False,
        **input: Any,
    ) -> bool:
        """One turn with one call; True when it was refused."""
        id = self.begin(tool, **input)
        self.breaker.observe(TurnEnded(100))
        return self.end(id, tool, answer, failed=failed, changes=changes, **input)

    def begin(self, tool: str, parent: str | None = None, **input: Any) -> str:
        """The model asks for a call."""
        id = next(self._ids)
        self.breaker.observe(ToolCalled(id, tool, input, str(input), parent))
        return id

    def end(
        self,
        id: str,
        tool: str,
        answer: str,
        *,
        failed: bool = False,
        changes: bool = False,
        **input: Any,
    ) -> bool:
        """The call is judged, made and answered."""
        refused = self.breaker.objection(tool, input)
        if refused is not None:
            self.warnings.append(refused)
            self.breaker.observe(ToolDenied(id, tool, refused))
            answer, failed = refused, True
        elif changes:
            self.files += 1
        self.breaker.observe(ToolReturned(id, tool, failed, 0.1, answer[:2000], digest_of(answer)))
        return refused is not None

    def bash(
        self, command: str, answer: str = "", *, failed: bool = False, changes: bool = False
    ) -> bool:
        """A turn with one Bash call."""
        return self.call("Bash", answer, failed=failed, changes=changes, command=command)

    def until_warned(self, *commands: tuple[str, str]) -> int:
        """Make these calls in turn until one is refused; how many were made before."""
        for number in range(1000):
            if self.bash(*commands[number % len(commands)]):
                return number
        raise AssertionError("never warned")

    def until_stopped(self, *commands: tuple[str, str]) -> tuple[int, LoopDetected]:
        """Make these calls in turn until the attempt is stopped."""
        for number in range(1000):
            try:
                self.bash(*commands[number % len(commands)])
            except LoopDetected as error:
                return number + 1, error
        raise AssertionError("never stopped")


LS = ("ls -l", "total 0")
PAIR = (("make", "error 2"), ("cat log", "line 1"))
TRIPLE = (*PAIR, ("make clean", "gone"))


@pytest.mark.parametrize(
    ("commands", "before", "after"),
    [((LS,), 5, 2), (PAIR, 8, 4), (TRIPLE, 12, 6)],
)
def test_repetition_is_warned_of_and_then_stopped(
    commands: tuple[tuple[str, str], ...], before: int, after: int
) -> None:
    agent = Agent()
    assert agent.until_warned(*commands) == before
    assert "going in circles: the same " in agent.warnings[0]
    assert "`failed`" in agent.warnings[0]
    made, error = agent.until_stopped(*commands)
    assert made == after
    assert error.kind is FailureKind.LOOP
    assert all(command in error.detail for command, _ in commands)
    assert len(agent.warnings) == 1


def test_the_reason_says_what_is_repeated() -> None:
    agent = Agent(identical=3)
    agent.until_warned(LS)
    _, error = agent.until_stopped(LS)
    assert error.detail == (
        "After a warning: the same Bash call 2 times in a row with the same result: "
        "{'command': 'ls -l'}."
    )
    assert "loop limits" in error.remedy


def test_durations_and_descriptions_do_not_hide_a_repetition() -> None:
    agent = Agent()
    for number in range(5):
        agent.call(
            "Bash", f"1 failed in 0.{number}2s at 0x7f{number}a3c at 12:00:0{number}",
            command="pytest", description=f"Try {number}",
        )  # fmt: skip
    assert agent.bash("pytest")


def test_a_long_answer_that_differs_only_at_its_end_is_another_answer() -> None:
    agent = Agent()
    assert not any(agent.bash("cat log", "x" * 5000 + str(number)) for number in range(50))


def test_turns_without_news_are_warned_of_and_then_stopped() -> None:
    agent = Agent()
    calls = [(f"sleep {number}", "") for number in range(1000)]
    assert agent.until_warned(*calls) == 40
    assert "40 turns in which no file" in agent.warnings[0]
    made, error = agent.until_stopped(*calls[500:])
    assert made == 21
    assert "20 turns in which no file" in error.detail


def test_what_an_agent_says_to_itself_is_no_news() -> None:
    agent = Agent()
    calls = [(f"echo now step {number}", f"now step {number}\n") for number in range(100)]
    assert agent.until_warned(*calls) == 40


def test_words_without_progress_are_warned_of_and_then_stopped() -> None:
    agent = Agent(still_turns=10_000)
    spent = 0

    def read() -> bool:
        nonlocal spent
        spent += 2000
        agent.breaker.observe(TurnEnded(1900))
        return agent.call("Read", f"page {spent}", file_path=f"/{spent}")

    while not read():
        continue
    assert 120_000 <= spent <= 126_000
    assert "tokens written since" in agent.warnings[0]
    spent = 0
    with pytest.raises(LoopDetected, match="tokens written since"):
        while not read():
            continue
    assert 60_000 <= spent <= 64_000


@pytest.mark.parametrize(
    "progress",
    [
        ("Write", {"file_path": "note.md"}),
        ("mcp__quintet__share_data", {"key": "k", "value": 1}),
        ("mcp__quintet__query_database", {"sql": "INSERT INTO t VALUES (1)"}),
        ("mcp__quintet__http_request", {"method": "POST", "url": "https://a.example"}),
    ],
)
def test_changes_of_state_are_progress(progress: tuple[str, dict[str, Any]]) -> None:
    agent = Agent()
    for number in range(200):
        agent.bash(f"sleep {number}")
        if number % 30 == 29:
            agent.call(progress[0], "done", **progress[1])
    assert agent.warnings == []


@pytest.mark.parametrize(
    "reading",
    [
        ("mcp__quintet__get_shared_data", {"key": "k"}),
        ("mcp__quintet__query_database", {"sql": " select 1"}),
        ("mcp__quintet__http_request", {"method": "GET", "url": "https://a.example"}),
    ],
)
def test_looking_again_is_none(reading: tuple[str, dict[str, Any]]) -> None:
    agent = Agent()
    refused = [
        agent.bash(f"sleep {number}") or agent.call(reading[0], "the same", **reading[1])
        for number in range(22)
    ]
    assert any(refused)


def test_a_failed_change_is_none() -> None:
    agent = Agent()
    calls = (
        agent.call("Write", "no room", failed=True, file_path=f"{number}") for number in range(50)
    )
    assert any(calls)


@pytest.mark.parametrize("progress", ["a file", "news", "another tool"])
def test_who_heeds_the_warning_has_all_patience_again_and_no_warning(progress: str) -> None:
    agent = Agent()
    agent.until_warned(LS)
    match progress:
        case "a file":
            agent.bash("ls -l .", "total 0", changes=True)
        case "news":
            agent.bash("ls /", "bin etc")
        case _:
            agent.call("Grep", "total 0", pattern="x")
    for _ in range(4):
        agent.bash(*LS)
    agent.bash("ls -a", "total 0 .", changes=True)
    made, error = agent.until_stopped(LS)
    assert made == 5
    assert error.detail.startswith("After a warning: the same Bash call 5 times")
    assert len(agent.warnings) == 1


def test_repeating_what_was_warned_of_is_no_progress_even_when_it_writes() -> None:
    agent = Agent()
    write: dict[str, Any] = {"file_path": "same.md", "content": "same"}
    while not agent.call("Write", "written", changes=True, **write):
        continue
    agent.call("Write", "written", changes=True, **write)
    with pytest.raises(LoopDetected):
        agent.call("Write", "written", changes=True, **write)


def test_each_kind_of_loop_is_warned_of_once() -> None:
    agent = Agent()
    still = [(f"sleep {number}", "") for number in range(100)]
    for number, loop in enumerate(((LS,), PAIR, still)):
        agent.until_warned(*loop)
        agent.bash(f"cat {number}", f"news {number}")
    assert len(agent.warnings) == 3
    with pytest.raises(LoopDetected, match="After a warning: the same 3 calls in turn"):
        agent.until_warned(*TRIPLE)


def test_a_warning_that_was_never_said_does_not_count() -> None:
    agent = Agent()
    for _ in range(5):
        agent.bash(*LS)
    agent.call("StructuredOutput", "provided", summary="x")
    assert agent.until_warned(LS) == 5


def test_running_the_tests_again_is_no_progress(tmp_path: Path) -> None:
    agent = Agent()
    agent.breaker = LoopBreaker(LoopLimits(still_turns=10), lambda: directory_fingerprint(tmp_path))
    refused = []
    for number in range(15):
        for litter in (".pytest_cache/v/lastfailed", "src/__pycache__/app.pyc", ".ruff_cache/0"):
            (tmp_path / litter).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / litter).write_text(str(number))
        refused.append(agent.bash(f"pytest -q -p no:x{number}", "1 failed", failed=True))
    assert any(refused)


def test_calls_on_their_way_when_the_warning_comes_do_not_count() -> None:
    agent = Agent()
    ids = [agent.begin("Bash", command="ls") for _ in range(12)]
    agent.breaker.observe(TurnEnded(100))
    refused = [agent.end(id, "Bash", "none", command="ls") for id in ids]
    assert refused.count(True) == 1
    assert refused[5]
    agent.bash("ls", "none")
    with pytest.raises(LoopDetected):
        agent.bash("ls", "none")


def test_parallel_calls_count_in_the_order_of_their_asking() -> None:
    agent = Agent(identical=3)
    for turn in range(4):
        ids = {name: agent.begin("Bash", command=name) for name in ("a", "b")}
        agent.breaker.observe(TurnEnded(100))
        for name in ("a", "b") if turn % 2 else ("b", "a"):
            agent.end(ids[name], "Bash", name * 9, command=name)
    assert agent.bash("c")


def test_subagents_count_each_for_itself() -> None:
    agent = Agent()
    for _ in range(4):
        for parent in ("one", "two"):
            id = agent.begin("Bash", parent=parent, command="ls")
            agent.end(id, "Bash", "none", command="ls")
    assert agent.warnings == []
    id = agent.begin("Bash", parent="two", command="ls")
    agent.end(id, "Bash", "none", command="ls")
    assert agent.bash("pwd")


def test_a_result_is_never_refused_and_starts_a_new_count() -> None:
    agent = Agent()
    for _ in range(5):
        agent.bash(*LS)
    assert not agent.call("StructuredOutput", "provided", summary="x")
    assert agent.until_warned(LS) == 5
    assert not any(agent.call("StructuredOutput", "invalid", failed=True) for _ in range(10))


def test_the_answer_that_gives_the_result_never_stops_the_attempt() -> None:
    agent = Agent(still_turns=4, still_output_tokens=10_000)
    agent.until_warned(*((f"sleep {number}", "") for number in range(9)))
    agent.bash("sleep 1")
    agent.bash("sleep 2")
    id = agent.begin("StructuredOutput", summary="x")
    agent.breaker.observe(TurnEnded(20_000))
    assert not agent.end(id, "StructuredOutput", "provided", summary="x")


def test_denied_calls_that_come_again_are_a_loop() -> None:
    agent = Agent()
    reads = (
        agent.call("Read", "outside of this attempt", failed=True, file_path="/etc/passwd")
        for _ in range(20)
    )
    with pytest.raises(LoopDetected, match="same Read call"):
        list(reads)


def test_long_honest_work_is_left_alone() -> None:
    agent = Agent()
    for number in range(200):
        agent.call("Read", f"contents of {number}", file_path=f"src/{number}.py")
    for number in range(200):
        found = f"{number}.py:3: found" if number % 4 == 0 else "No matches found"
        agent.call("Grep", found, pattern=f"word_{number}")
    assert agent.warnings == []


def test_edit_and_test_cycles_are_left_alone() -> None:
    agent = Agent()
    for number in range(100):
        edit: dict[str, Any] = {
            "file_path": "a.py",
            "old_string": f"v{number}",
            "new_string": f"v{number + 1}",
        }
        agent.call("Edit", "The file a.py has been updated.", changes=True, **edit)
        agent.bash("pytest -q", f"1 failed in 0.{number:02}s", failed=True)
    assert agent.warnings == []


def test_polling_what_moves_is_left_alone() -> None:
    agent = Agent()
    for number in range(200):
        agent.bash("sleep 5; cat progress", f"{number // 3} of 70 done, eta {900 - number} s")
    assert agent.warnings == []


def test_slow_data_work_is_left_alone() -> None:
    agent = Agent()
    sources = [f"https://a.example/{page}" for page in range(60)]
    for number, url in enumerate(sources):
        agent.call("mcp__quintet__fetch_url", f"text {number}", url=url)
        agent.call("mcp__quintet__generate_embedding", f'{{"ids":[{number}]}}', text=f"{number}")
        insert = "INSERT INTO pages VALUES ($1)"
        agent.call("mcp__quintet__query_database", '{"rowcount":1}', sql=insert, params=[url])
        agent.bash("python3 check.py", "ok")
    assert agent.warnings == []


def test_a_directory_tells_when_it_changes(tmp_path: Path) -> None:
    folder = tmp_path / "attempt"
    seen = [directory_fingerprint(folder)]
    folder.mkdir()
    steps = product(("a.txt", "deep/b.txt"), ("one", "three"))
    for name, text in steps:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        seen += [directory_fingerprint(folder), directory_fingerprint(folder)]
    (folder / "link").symlink_to("nowhere")
    seen.append(directory_fingerprint(folder))
    assert len(set(seen)) == 6
    for number in range(60):
        (folder / f"n{number}").touch()
    same = directory_fingerprint(folder)
    (folder / "__pycache__").mkdir()
    (folder / "deep/.mypy_cache").mkdir()
    (folder / "deep/.mypy_cache/x").touch()
    assert directory_fingerprint(folder) == same
    bounded = directory_fingerprint(folder, most=50)
    (folder / "another").touch()
    assert directory_fingerprint(folder, most=50)[0] == bounded[0] == 50
