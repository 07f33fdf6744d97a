"""A plan as a YAML file that a person edits, and what is wrong with one that was edited."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import InvalidRequest
from shared.models import Capability, Check, Plan, SubtaskEdit, SubtaskView

FOLD = 88
ERROR_MARK = "#! "
_BREAKS = frozenset("\r\x85\u2028\u2029")
_CHECKS: TypeAdapter[tuple[Check, ...]] = TypeAdapter(tuple[Check, ...])
_SHORT_LISTS = ("required_capabilities", "dependencies")
CHECKS_HELP = """\
#   file_exists   path, min_bytes          command      command
#   text_matches  path, pattern            sql_count    query, minimum
#   json_schema   json_schema (as text)    http_status  url, status
"""
HELP = f"""\
# Change what you like, save, and close the editor. Nothing is sent when nothing is changed;
# close it with an error in it, unchanged, to give up: what you wrote is kept.
#
# id                     its name in this plan: small letters, digits, - and _
# required_capabilities  what its agent must be able to do, of:
#                        {", ".join(list(Capability)[:3])},
#                        {", ".join(list(Capability)[3:])}
# dependencies           the ids of those whose results it needs; it starts when all are there
# priority               0 to 10, 10 first
# estimated_duration     seconds
# expected_output        what its result is held against
# profile                a role for its agent, or null
# checks                 what must hold of its result; each has a kind and its own fields:
{CHECKS_HELP}#
# A text of several lines stands below a | and is indented.
"""

PART_HELP = f"""\
# Change what should be different this time, save, and close the editor. Nothing is sent when
# nothing is changed; close it with an error in it, unchanged, to give up: what you wrote is kept.
#
# profile                a role for its agent, or null
# required_capabilities  of: {", ".join(list(Capability)[:3])},
#                        {", ".join(list(Capability)[3:])}
# checks                 what must hold of its result:
{CHECKS_HELP}
"""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and the line it is in, from 1, where one can be named."""

    words: str
    line: int | None = None


class PlanFileMistaken(InvalidRequest):
    """The file is not a plan."""

    title = "The file is not a plan"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(mistake.words for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def dump(plan: Plan) -> str:
    """The plan as YAML: fields in their order, texts of several lines as blocks."""
    return _dumped(_prepared(plan))


def dump_part(subtask: SubtaskView) -> str:
    """What may be changed of a subtask before it runs again, as YAML."""
    return PART_HELP + _dumped(_part_values(subtask))


def load_part(text: str, before: SubtaskView) -> SubtaskEdit | None:
    """What was changed, if anything; raises PlanFileMistaken."""
    values, node = _read(text)
    try:
        after = SubtaskEdit.model_validate(values)
    except ValidationError as error:
        found = [_wrong(each["loc"], each["msg"], node) for each in error.errors()]
        raise PlanFileMistaken(found) from error
    old = SubtaskEdit.model_validate(_part_values(before)).changes()
    changed = {name: value for name, value in after.changes().items() if value != old.get(name)}
    return SubtaskEdit(**changed) if changed else None


def dump_checks(checks: Sequence[Check]) -> str:
    """The checks of one subtask as a list in YAML; no text for none."""
    return _dumped([one.model_dump(mode="json") for one in checks]) if checks else ""


def load(text: str) -> Plan:
    """The plan that was written so; raises PlanFileMistaken."""
    values, node = _read(text)
    try:
        return Plan.model_validate(values)
    except ValidationError as error:
        found = [_wrong(each["loc"], each["msg"], node) for each in error.errors()]
        raise PlanFileMistaken(found) from error


def load_checks(text: str) -> tuple[Check, ...]:
    """The checks that were written so; raises PlanFileMistaken."""
    values, node = _read(text)
    if values is not None and not isinstance(values, list):
        words = "the checks are a list: begin each of them with “- kind:”"
        raise PlanFileMistaken([Mistake(words, 1)])
    try:
        return _CHECKS.validate_python(values or ())
    except ValidationError as error:
        found = [_wrong_check(each, node) for each in error.errors()]
        raise PlanFileMistaken(found) from error


def _read(text: str) -> tuple[Any, yaml.Node | None]:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (loader.construct_document(node) if node else None), node
    except yaml.YAMLError as error:
        raise PlanFileMistaken([_unreadable(error)]) from error


def with_mistakes(text: str, mistakes: Sequence[Mistake]) -> str:
    """The file with what is wrong on top; lines are counted as they then stand."""
    body = without_mistakes(text)
    above = len(mistakes) + 2
    lines = [f"{ERROR_MARK}Not accepted:"]
    for mistake in mistakes:
        place = f"line {mistake.line + above}: " if mistake.line else ""
        lines.append(f"{ERROR_MARK}  {place}{' '.join(mistake.words.split())}")
    lines.append(f"{ERROR_MARK}Mend it, or close the editor without a change to give up.")
    return "\n".join([*lines, body])


def without_mistakes(text: str) -> str:
    """The file as a person wrote it."""
    lines = text.splitlines(keepends=True)
    first = next((n for n, line in enumerate(lines) if not line.startswith(ERROR_MARK)), len(lines))
    return "".join(lines[first:])


class _Flow(list[Any]):
    """A list that stands on one line."""


class _Dumper(yaml.SafeDumper):
    """Indents lists, and chooses how a text is written by what is in it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Lists stand below their name, indented."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """Whatever is there twice is written twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if _BREAKS.intersection(text):
        style = '"'
    elif "\n" in text:
        style = "|"
    elif len(text) > FOLD and text == " ".join(text.split()):
        style = ">"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _flow(dumper: yaml.SafeDumper, values: _Flow) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Flow, _flow)


class _Loader(yaml.SafeLoader):
    """Refuses a field that is given twice, where YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, if each of its keys is there once."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} is given twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def _dumped(values: object) -> str:
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=FOLD)


def _part_values(subtask: SubtaskView) -> dict[str, Any]:
    values = subtask.model_dump(mode="json", include=set(SubtaskEdit.model_fields))
    values["required_capabilities"] = _Flow(values["required_capabilities"])
    values["checks"] = [planned.check.model_dump(mode="json") for planned in subtask.checks]
    return {name: values[name] for name in SubtaskEdit.model_fields}


def _prepared(plan: Plan) -> dict[str, Any]:
    values = plan.model_dump(mode="json")
    for subtask in values["subtasks"]:
        subtask.update({name: _Flow(subtask[name]) for name in _SHORT_LISTS})
    return values


def _unreadable(error: yaml.YAMLError) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        words = " ".join(filter(None, (error.context, error.problem)))
        return Mistake(f"this is not YAML: {words}", mark.line + 1 if mark else None)
    return Mistake(f"this is not YAML: {error}")


def _wrong(place: Sequence[int | str], words: str, node: yaml.Node | None) -> Mistake:
    where, line = [], node.start_mark.line + 1 if node else None
    for step in place:
        found = _within(node, step)
        if found is not None:
            node, line = found, found.start_mark.line + 1
        where.append(f"[{step + 1}]" if isinstance(step, int) else f".{step}")
    name = "".join(where).lstrip(".") or "the plan"
    hint = "; put it in quotes" if words == "Input should be a valid string" else ""
    return Mistake(f"{name}: {words[:1].lower()}{words[1:]}{hint}", line)


def _wrong_check(found: ErrorDetails, node: yaml.Node | None) -> Mistake:
    number, *rest = found["loc"]
    # Without the kind, which is no field of the file.
    wrong = _wrong((number, *rest[1:]), found["msg"], node)
    field = ".".join(map(str, rest[1:]))
    kinds = ", ".join(_KINDS)
    match found["type"]:
        case "union_tag_not_found":
            words = f"it needs a kind: {kinds}"
        case "union_tag_invalid":
            words = f"its kind is none of {kinds}"
        case "missing":
            words = f"it needs {field}"
        case "extra_forbidden":
            words = f"{field} is no field of this kind"
        case "model_type" | "model_attributes_type":
            words = f"it is no check; each begins with its kind: {kinds}"
        case _:
            words = field + wrong.words.partition(field)[2]
    return Mistake(f"check {int(number) + 1}: {words}", wrong.line)


_KINDS = ("file_exists", "command", "text_matches", "json_schema", "sql_count", "http_status")


def _within(node: yaml.Node | None, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
