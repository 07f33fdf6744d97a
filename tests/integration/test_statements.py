"""The SQL files: every statement is valid, named after its transition, and spells no status."""

import re
from pathlib import Path

import pytest

import shared.database
from shared.database.connection import Pool
from shared.database.statements import load
from shared.states import (
    SUBTASK_TRANSITIONS,
    TASK_TRANSITIONS,
    AttemptOutcome,
    FailureKind,
    SubtaskStatus,
    TaskStatus,
)

FOLDER = Path(shared.database.__file__).parent
TOPICS = (
    "tasks",
    "plans",
    "subtasks",
    "attempts",
    "views",
    "events",
    "metrics",
    "system",
    "agents",
)
CODE = "".join(path.read_text() for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("topic", TOPICS)
async def test_every_statement_prepares_on_the_migrated_schema(pool: Pool, topic: str) -> None:
    async with pool.acquire() as connection:
        for statement in load(topic).values():
            await connection.prepare(statement)


@pytest.mark.parametrize("topic", TOPICS)
def test_every_statement_is_called_by_its_ledger(topic: str) -> None:
    unused = [name for name in load(topic) if f'"{name}"' not in CODE]
    assert unused == []


def test_each_transition_has_exactly_one_statement_of_its_name() -> None:
    names = [edge.name for edge in TASK_TRANSITIONS]
    names += [edge.name for edge in SUBTASK_TRANSITIONS]
    assert len(set(names)) == len(names)
    moves = {
        name
        for topic in TOPICS
        for name, text in load(topic).items()
        if re.search(r"status = \$1::(sub)?task_status", text)
        and "SET" in text
        and not re.search(r"WHERE status = \$1", text)
    }
    assert moves == set(names)


@pytest.mark.parametrize("topic", TOPICS)
def test_no_statement_spells_a_status(topic: str) -> None:
    words = {*TaskStatus, *SubtaskStatus, *AttemptOutcome}
    for name, text in load(topic).items():
        code = re.sub(r"--.*", "", text)
        assert not {f"'{word}'" for word in words} & set(re.findall(r"'\w+'", code)), name


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("task_status", TaskStatus),
        ("subtask_status", SubtaskStatus),
        ("attempt_outcome", AttemptOutcome),
        ("failure_kind", FailureKind),
    ],
)
async def test_database_enum_is_the_python_enum(
    pool: Pool, kind: str, words: type[TaskStatus]
) -> None:
    rows = await pool.fetch(f"SELECT unnest(enum_range(NULL::{kind}))::text AS word")
    assert [row["word"] for row in rows] == [word.value for word in words]
