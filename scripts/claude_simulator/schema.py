"""Make an answer fit the JSON schema a request demands."""

import json
from collections.abc import Mapping
from typing import Any

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (Mapping,),
    "array": (list, tuple),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_EMPTY: dict[str, Any] = {"string": "", "boolean": False, "integer": 0, "number": 0, "null": None}

Schema = Mapping[str, Any]


def conform(value: Any, schema: Schema, root: Schema | None = None) -> Any:
    """The value with what the schema forbids left out and what it demands filled in."""
    root = schema if root is None else root
    schema = resolve(schema, root)
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return conform(value, _best(value, options, root), root)
    if "const" in schema or "enum" in schema:
        allowed = schema.get("enum") or [schema["const"]]
        return value if value in allowed else allowed[0]
    match _kind(value, schema):
        case "object":
            return _object(value if isinstance(value, Mapping) else {}, schema, root)
        case "array":
            return _array(list(value) if isinstance(value, list | tuple) else [], schema, root)
        case kind:
            return _plain(value, kind)


def _plain(value: Any, kind: str | None) -> Any:
    if kind is None or _is_a(value, kind):
        return value
    if kind == "string" and isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return _EMPTY[kind]


def _object(value: Mapping[str, Any], schema: Schema, root: Schema) -> dict[str, Any]:
    properties: Schema = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    kept = {
        name: conform(item, properties[name], root) if name in properties else item
        for name, item in value.items()
        if name in properties or others is not False
    }
    missing = (name for name in schema.get("required", []) if name not in kept)
    return kept | {name: conform(None, properties.get(name, {}), root) for name in missing}


def _array(value: list[Any], schema: Schema, root: Schema) -> list[Any]:
    items = schema.get("items", {})
    short = max(0, schema.get("minItems", 0) - len(value))
    return [conform(item, items, root) for item in value + [None] * short]


def _best(value: Any, options: list[Schema], root: Schema) -> Schema:
    resolved = [resolve(option, root) for option in options]
    fitting = (option for option in resolved if _fits(value, option))
    plain = (option for option in resolved if option.get("type") != "null")
    return next(fitting, None) or next(plain, resolved[0])


def _fits(value: Any, option: Schema) -> bool:
    if "enum" in option:
        return value in option["enum"]
    kind = option.get("type")
    if isinstance(kind, str) and not _is_a(value, kind):
        return False
    if not isinstance(value, Mapping):
        return True
    constants = {
        name: item["const"]
        for name, item in option.get("properties", {}).items()
        if isinstance(item, Mapping) and "const" in item
    }
    return all(value.get(name) == constant for name, constant in constants.items())


def _kind(value: Any, schema: Schema) -> str | None:
    declared = schema.get("type")
    kinds: list[str | None] = declared if isinstance(declared, list) else [declared]
    return next((kind for kind in kinds if kind and _is_a(value, kind)), kinds[0])


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, _PYTHON_TYPES[kind])


def resolve(schema: Schema, root: Schema) -> Schema:
    """The schema that this one refers to, or itself."""
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema
