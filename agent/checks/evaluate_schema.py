"""Judges a structured output by a JSON Schema; run as a program, by path, with `python -I`.

Apart from the check of files because the library takes longer to load than those to be done.
Reads `{"schema", "output"}` as JSON from standard input, `schema` being JSON text itself. Writes
`{"passed", "detail"}` as JSON in one line; the exit status is 2 when the schema is wrong, for which
`detail` gives the reason. Fetches nothing.
"""

import json
import sys
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
MOST_PROBLEMS = 3
WRONG = 2


class WrongSchema(ValueError):
    """Nothing can be judged by this schema; the message says why."""


def judge(schema: str, output: Any) -> tuple[bool, str]:
    """Whether the output satisfies the schema, and the first problems when it does not."""
    registry: Registry[Any] = Registry()  # knows no other documents, and no way to them
    validator = Draft202012Validator(_checked(schema), registry=registry)
    try:
        problems = list(islice(validator.iter_errors(output), MOST_PROBLEMS + 1))
    except Unresolvable as error:
        raise WrongSchema(f"the schema refers to what it does not hold: {error}") from error
    if not problems:
        return True, "the output satisfies the schema"
    told = [f"{error.json_path}: {_short(error.message)}" for error in problems[:MOST_PROBLEMS]]
    more = " (and more)" if len(problems) > MOST_PROBLEMS else ""
    return False, f"{'; '.join(told)}{more}"


def _checked(text: str) -> Any:
    try:
        schema = json.loads(text)
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise WrongSchema(f"the schema is not a JSON Schema: {_short(error.message)}") from error
    except ValueError as error:
        raise WrongSchema(f"the schema is not JSON: {error}") from error
    return schema


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}..."


def main() -> int:
    """Answer the one request."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    status = 0
    try:
        request = json.load(sys.stdin)
        passed, detail = judge(request["schema"], request["output"])
    except WrongSchema as error:
        passed, detail, status = False, str(error), WRONG
    except (MemoryError, RecursionError) as error:
        passed, detail, status = False, f"it is too much to look at: {error!r}", WRONG
    sys.stdout.write(json.dumps({"passed": passed, "detail": detail[:2000]}) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
