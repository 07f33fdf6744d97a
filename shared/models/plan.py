"""A plan, as the model returns it and the API shows it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.models.words import Capability, Record, Slug


class FileExistsCheck(Record):
    """Some file that matches `path` (a glob in the attempt's directory) has `min_bytes`."""

    kind: Literal["file_exists"]
    path: str
    min_bytes: int = 1


class CommandCheck(Record):
    """`command` exits with 0 in the attempt's directory."""

    kind: Literal["command"]
    command: str


class JsonSchemaCheck(Record):
    """The structured output satisfies `json_schema`, a JSON Schema written as JSON text."""

    kind: Literal["json_schema"]
    json_schema: str


class TextMatchesCheck(Record):
    """The file at `path` contains a match of the regular expression `pattern`."""

    kind: Literal["text_matches"]
    path: str
    pattern: str


class SqlCountCheck(Record):
    """`query` on the task's data returns one number of at least `minimum`."""

    kind: Literal["sql_count"]
    query: str
    minimum: int = 1


class HttpStatusCheck(Record):
    """GET `url` answers with `status`; only where the operator allows such checks."""

    kind: Literal["http_status"]
    url: str
    status: int = 200


Check = Annotated[
    FileExistsCheck
    | CommandCheck
    | JsonSchemaCheck
    | TextMatchesCheck
    | SqlCountCheck
    | HttpStatusCheck,
    Field(discriminator="kind"),
]


class PlannedSubtask(Record):
    """One node of a plan; `id` is unique within the plan, durations are seconds."""

    id: Slug
    title: str = Field(min_length=1, max_length=200)
    description: str = Field(min_length=1, max_length=8192)
    required_capabilities: tuple[Capability, ...] = Field(min_length=1)
    dependencies: tuple[str, ...]
    priority: int = Field(ge=0, le=10)
    estimated_duration: int = Field(ge=1, le=86_400)
    expected_output: str = Field(max_length=8192)
    profile: str | None = None
    checks: tuple[Check, ...] = ()


class SubtaskEdit(Record):
    """What to change of a subtask before it runs again; what is left out stays as it is.

    `profile` null takes its role away; null in any other field leaves it as it is.
    """

    description: Annotated[str, Field(min_length=1, max_length=8192)] | None = None
    expected_output: Annotated[str, Field(max_length=8192)] | None = None
    checks: tuple[Check, ...] | None = None
    required_capabilities: Annotated[tuple[Capability, ...], Field(min_length=1)] | None = None
    profile: str | None = None
    priority: Annotated[int, Field(ge=0, le=10)] | None = None

    def changes(self) -> dict[str, Any]:
        """The fields to change, with their new values."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {
            name: value for name, value in given.items() if value is not None or name == "profile"
        }


class Plan(Record):
    """What is to be done, in which order."""

    summary: str = Field(max_length=8192)
    subtasks: tuple[PlannedSubtask, ...]
