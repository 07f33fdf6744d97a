"""Values between JSON and PostgreSQL, for statements whose types nobody knows beforehand.

Parameters go as text, so that PostgreSQL's own rules turn "5" into a number and "2025-01-31"
into a date, and its own message says what is wrong with a value.
"""

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import asyncpg

from shared.database.connection import Connection
from shared.errors import InvalidRequest

_AS_IS = (
    *("text", "varchar", "bpchar", "name", "uuid", "bytea", "inet", "cidr"),
    *("date", "time", "timetz", "timestamp", "timestamptz", "interval"),
)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)


def _json_text(value: Any) -> str:
    """JSON text stays what it is; any other string becomes a JSON string."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return json.dumps(value)
        return value
    return json.dumps(value)


def _real(text: str) -> float | str:
    value = float(text)
    return value if value - value == 0 else text  # NaN and infinities are no JSON


def _numeric(text: str) -> int | float | str:
    """A number when JSON's number says exactly the same, else the digits as text."""
    if text.lstrip("-").isdigit():
        return int(text)
    value = _real(text)
    return value if isinstance(value, float) and Decimal(repr(value)) == Decimal(text) else text


_DECODERS: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_AS_IS, str),
    **dict.fromkeys(("int2", "int4", "int8"), int),
    **dict.fromkeys(("float4", "float8"), _real),
    "numeric": _numeric,
    "bool": lambda text: text == "t",
}


async def speak_text(connection: Connection) -> None:
    """Let this connection take JSON values for parameters and give JSON values back."""
    for name, decoder in _DECODERS.items():
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_text, decoder=decoder, format="text"
        )
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_json_text, decoder=json.loads, format="text"
        )


def column_names(attributes: Iterable[asyncpg.Attribute]) -> tuple[str, ...]:
    """Unique names, so that a row can be an object."""
    names: list[str] = []
    for attribute in attributes:
        name, count = attribute.name, 1
        while name in names:
            count += 1
            name = f"{attribute.name}_{count}"
        names.append(name)
    return tuple(names)


def json_safe(value: Any) -> Any:
    """What the codecs left over (geometry, bit strings and the like) as text."""
    if value is None or isinstance(value, str | int | float | dict):
        return value
    if isinstance(value, list):
        return [json_safe(item) for item in value]
    if isinstance(value, asyncpg.Record):
        raise InvalidRequest("a column holds whole rows", remedy="wrap it in to_json()")
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, asyncpg.BitString):
        return value.as_string().replace(" ", "")
    return str(value)
