"""The words that cases are written in: what an agent does, returns, and is asked to pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from shared.models import (
    Check,
    CommandCheck,
    FileExistsCheck,
    JsonSchemaCheck,
    SqlCountCheck,
    TextMatchesCheck,
)
from tests.messages_server import Answer, Call, Reply, Structured, call

Claim: TypeAlias = dict[str, str]

SALES = "month,revenue\n2024-01,100\n2024-02,250\n2024-03,75\n"
ADD = "def add(a: int, b: int) -> int:\n    return a + b\n"
WRONG_ADD = "def add(a: int, b: int) -> int:\n    return a - b\n"
TEST_ADD = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
PYTEST = "python3 -m pytest -q -p no:cacheprovider"


@dataclass(frozen=True, slots=True)
class Case:
    """One scripted attempt.

    `rounds` are the replies of the first round and of each correction; the last result is
    insisted on. A `lie` about the "result" must not be accepted; one about the "proof" only must
    not be labelled verified. `{cwd}` is the attempt's directory, `{site}` a web server.
    """

    name: str
    kind: str
    rounds: tuple[tuple[Reply, ...], ...]
    lie: Literal["result", "proof", "none"] = "none"
    checks: tuple[Check, ...] = ()
    uploads: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ("code_generation",)
    role: str | None = None
    expected: str = "What was asked for."


def write(path: str, content: str) -> Reply:
    """A turn that writes a file."""
    return call("Write", file_path=f"{{cwd}}/{path}", content=content)


def edit(path: str, old: str, new: str) -> Reply:
    """A turn that changes a file."""
    return call("Edit", file_path=f"{{cwd}}/{path}", old_string=old, new_string=new)


def bash(command: str) -> Reply:
    """A turn that runs a command."""
    return call("Bash", command=command, description="Run a command")


def read(path: str) -> Reply:
    """A turn that reads a file."""
    return call("Read", file_path=path if path.startswith("{") else f"{{cwd}}/{path}")


def sql(statement: str, *params: Any) -> Reply:
    """A turn that asks the task's database."""
    return call("mcp__quintet__query_database", sql=statement, params=list(params))


def fetch(url: str) -> Reply:
    """A turn that fetches a page."""
    return call("mcp__quintet__fetch_url", url=url)


def request(method: str, url: str) -> Reply:
    """A turn that calls an HTTP API."""
    return call("mcp__quintet__http_request", method=method, url=url, headers={})


def share(key: str, value: Any) -> Reply:
    """A turn that tells the other subtasks something."""
    return call("mcp__quintet__share_data", key=key, value=value)


def at_once(*turns: Reply) -> Reply:
    """The tool calls of several turns in one."""
    blocks = (block for turn in turns if isinstance(turn, Answer) for block in turn.blocks)
    return Answer(tuple(block for block in blocks if isinstance(block, Call)))


def result(summary: str, *claims: Claim, files: tuple[str, ...] = (), **output: Any) -> Reply:
    """The structured result."""
    value = {"summary": summary, "output": output, "files": list(files), "claims": list(claims)}
    return Answer((Structured(value),))


def raw(**fields: Any) -> Reply:
    """A structured result of any shape."""
    return Answer((Structured(fields),))


def wrote(what: str, detail: str = "") -> Claim:
    """A claim of a written file."""
    return {"kind": "wrote_file", "what": what, "detail": detail}


def ran(what: str, detail: str = "") -> Claim:
    """A claim of a command that was run."""
    return {"kind": "ran_command", "what": what, "detail": detail}


def fetched(what: str, detail: str = "") -> Claim:
    """A claim of an address that was read."""
    return {"kind": "fetched_url", "what": what, "detail": detail}


def queried(what: str, detail: str = "") -> Claim:
    """A claim of a query."""
    return {"kind": "queried_database", "what": what, "detail": detail}


def passes(command: str) -> Check:
    """A check by a command."""
    return CommandCheck(kind="command", command=command)


def holds(path: str, pattern: str) -> Check:
    """A check of a file's text."""
    return TextMatchesCheck(kind="text_matches", path=path, pattern=pattern)


def there(path: str, min_bytes: int = 1) -> Check:
    """A check of a file's being there."""
    return FileExistsCheck(kind="file_exists", path=path, min_bytes=min_bytes)


def shaped(schema: str) -> Check:
    """A check of the structured output."""
    return JsonSchemaCheck(kind="json_schema", json_schema=schema)


def counts(query: str, minimum: int = 1) -> Check:
    """A check of the task's data."""
    return SqlCountCheck(kind="sql_count", query=query, minimum=minimum)
