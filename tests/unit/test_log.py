"""What is logged, in which form, and what never is."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from pydantic import ValidationError

from shared.config import DatabaseSettings
from shared.errors import ConfigurationError
from shared.log import configure, redact, startup_message

KEY = "sk-ant-api03-abcdefghijklmnop_qrst-uv"


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Logging as it was, afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """The lines written."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"key {KEY}, end", "key [redacted], end"),
        ("postgresql://ann:s3cret@host:5432/db", "postgresql://[redacted]@host:5432/db"),
        ("redis://:s3cret@host/0", "redis://[redacted]@host/0"),
        ("postgresql://ann:s3:cr@et@host/db", "postgresql://[redacted]@host/db"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer [redacted]"),
        ("{'x-api-key': 'abc-123-def'}", "{'x-api-key': '[redacted]'}"),
        ("see https://host/path?a=b@c", "see https://host/path?a=b@c"),
        ("a task of ann: 5@once", "a task of ann: 5@once"),
    ],
)
def test_what_looks_like_a_secret_is_removed(text: str, kept: str) -> None:
    assert redact(text) == kept


def test_known_secrets_are_removed_wherever_they_are() -> None:
    assert redact("pass hunter22 word", ["hunter22", ""]) == "pass [redacted] word"
    assert redact("a cat", ["cat"]) == "a cat"  # too short to be one: it would tear words apart


def test_json_lines_carry_the_context_and_no_secret() -> None:
    stream = io.StringIO()
    configure(level="info", form="json", service="tester", stream=stream)
    log = structlog.get_logger("x")
    with structlog.contextvars.bound_contextvars(task_id="t1"):
        log.info("called", url="redis://:s3cret@h/0", more={"deep": [KEY]}, count=3)
        log.debug("not shown")
        try:
            raise RuntimeError(f"refused {KEY}")
        except RuntimeError as error:
            log.exception("broke", error=error)
    called, broke = lines(stream)
    assert (called["event"], called["service"], called["task_id"]) == ("called", "tester", "t1")
    assert (called["level"], called["count"]) == ("info", 3)
    assert called["more"] == {"deep": ["[redacted]"]}
    assert "RuntimeError" in str(broke["exception"])
    assert "s3cret" not in stream.getvalue()
    assert KEY not in stream.getvalue()


def test_text_is_for_people() -> None:
    stream = io.StringIO()
    configure(level="warning", form="text", service="tester", stream=stream)
    structlog.get_logger("x").warning("disk is nearly full", left_mb=12)
    structlog.get_logger("x").info("not shown")
    (line,) = stream.getvalue().splitlines()
    assert "disk is nearly full" in line
    assert "left_mb=12" in line


def test_libraries_are_heard_from_warnings_on() -> None:
    stream = io.StringIO()
    configure(level="debug", form="json", service="tester", stream=stream)
    logging.getLogger("asyncpg").info("not shown")
    logging.getLogger("asyncpg").warning("slow")
    assert stream.getvalue().count("\n") == 1


def test_why_a_process_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ConfigurationError("no key", remedy="set ANTHROPIC_API_KEY")
    said = startup_message("The orchestrator", error)
    assert said == "The orchestrator cannot start: no key\nset ANTHROPIC_API_KEY"
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:s3cret@h/db")
    monkeypatch.setenv("DATABASE_POOL_MAX", "s3cret")
    with pytest.raises(ValidationError) as caught:
        DatabaseSettings(_env_file=None)
    said = startup_message("The agent", caught.value)
    assert "DATABASE_POOL_MAX: Input should be a valid integer" in said
    assert "s3cret" not in said
