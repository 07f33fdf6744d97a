"""The fields of a submission: their limits, their schema, and what is said when one is wrong."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from orchestrator.plan import has_control_characters
from shared.errors import InvalidRequest
from shared.models import (
    MAX_DESCRIPTION,
    MAX_TITLE,
    MAX_USER,
    MIN_DESCRIPTION,
    Record,
    ReviewPolicy,
)
from shared.problems import field_errors

# What `has_control_characters` refuses, as a character class of JSON Schema.
_CONTROL = (
    r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069"
)


@dataclass(frozen=True, slots=True)
class Prose:
    """Text for people: at most `most` characters, at least `least` within the space around it."""

    least: int
    most: int

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        trimmed = core_schema.str_schema(strip_whitespace=True, min_length=self.least)
        return core_schema.no_info_before_validator_function(self._check, trimmed)

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        some, ink = f"[^{_CONTROL}]", rf"[^{_CONTROL}\s]"
        core = f"{ink}{some}{{{self.least - 2},}}{ink}" if self.least > 1 else ink * self.least
        return {
            "type": "string",
            "minLength": self.least,
            "maxLength": self.most,
            "pattern": f"^{some}*{core}{some}*$" if core else f"^{some}*$",
        }

    def _check(self, value: Any) -> Any:
        if isinstance(value, str):
            if len(value) > self.most:
                raise PydanticKnownError("string_too_long", {"max_length": self.most})
            if has_control_characters(value):
                raise PydanticCustomError(
                    "control_characters",
                    "Must not contain control or direction-changing characters",
                )
        return value


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 5.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Priority = Annotated[int, Field(ge=0, le=10, strict=True), BeforeValidator(_whole)]


def _truth(value: Any) -> Any:
    """A form's text means what JSON would mean by it, and nothing else."""
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("bool_parsing", "Write true or false")
    return value


class TaskSubmission(Record):
    """What a person asks for. Priority 5 is usual, 7 and more is urgent.

    `review` says whether a reviewer looks at the results; without it the profiles decide.
    With `require_approval` nothing runs before a person approved the plan; without it the
    operator's setting decides.
    """

    description: Annotated[str, Prose(MIN_DESCRIPTION, MAX_DESCRIPTION)]
    user_id: Annotated[str, Prose(1, MAX_USER)] = "anonymous"
    title: Annotated[str, Prose(0, MAX_TITLE)] | None = None
    priority: Whole = Field(default=5, ge=0, le=10)
    review: ReviewPolicy | None = None
    require_approval: Annotated[bool, BeforeValidator(_truth)] | None = None

    @property
    def heading(self) -> str:
        """The title, or the beginning of the description."""
        if self.title:
            return self.title
        line = self.description.split("\n", 1)[0]
        return line if len(line) <= 80 else f"{line[:79].rsplit(' ', 1)[0]}…"


_SLUGS = {
    ("description", "string_too_short"): "description-too-short",
    ("description", "string_too_long"): "description-too-long",
    ("description", "missing"): "description-missing",
    ("priority", "greater_than_equal"): "priority-out-of-range",
    ("priority", "less_than_equal"): "priority-out-of-range",
}
_SLUGS_OF_ANY = {
    "control_characters": "control-characters",
    "extra_forbidden": "unknown-field",
    "model_type": "not-an-object",
}


def validated(fields: Any, *, strict: bool) -> TaskSubmission:
    """The submission; JSON is taken as it is (`strict`), a form's text is read as what it means."""
    try:
        return TaskSubmission.model_validate(fields, strict=strict)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        found = field_errors(details)
        kind, place = details[0]["type"], details[0]["loc"]
        slug = _SLUGS_OF_ANY.get(kind) or _SLUGS.get((str(place[0]) if place else "", kind), "")
        raise InvalidRequest(
            "; ".join(f"{item['field']}: {item['message']}" for item in found),
            slug=slug,
            remedy="mend the fields named and send it again",
            errors=found,
        ) from error
