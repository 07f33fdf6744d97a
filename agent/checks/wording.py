"""Checks in one line, for people."""

from typing import assert_never

from shared.models import (
    Check,
    CommandCheck,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    SqlCountCheck,
    TextMatchesCheck,
)

LONGEST = 200


def describe(check: Check) -> str:
    """What has to be so for the check to pass."""
    match check:
        case CommandCheck():
            words = check.command.replace("{python} -I {checks}/", "").replace(" {seconds}", "")
            words = words.replace("{python}", "python")
        case FileExistsCheck():
            unit = "byte" if check.min_bytes == 1 else "bytes"
            words = f"{check.path} has at least {check.min_bytes} {unit}"
        case JsonSchemaCheck():
            words = "output matches the schema"
        case TextMatchesCheck():
            words = f"{check.path} contains {check.pattern}"
        case SqlCountCheck():
            words = f"at least {check.minimum} from {check.query}"
        case HttpStatusCheck():
            words = f"GET {check.url} answers with {check.status}"
        case other:
            assert_never(other)
    line = one_line(words)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


def one_line(text: str) -> str:
    """The text without line breaks and without anything that cannot be shown or stored."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())
