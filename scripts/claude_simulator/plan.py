"""Plans as the simulated planner returns them."""

from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Capability = Literal[
    "data_analysis",
    "web_scraping",
    "code_generation",
    "file_processing",
    "database_operations",
    "api_integration",
]
Slug = Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)


class Strict(BaseModel):
    """A record of a scenario: a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlannedSubtask(Strict):
    """A subtask as the planner returns it; `estimated_duration` is in seconds."""

    id: str = Slug
    title: str
    description: str
    required_capabilities: tuple[Capability, ...] = Field(min_length=1)
    dependencies: tuple[str, ...] = ()
    priority: int = Field(default=5, ge=0, le=10)
    estimated_duration: int = Field(default=30, gt=0)
    expected_output: str
    profile: str | None = None
    checks: tuple[dict[str, Any], ...] = ()


class Plan(Strict):
    """A plan as the planner returns it: known dependencies, unique ids, no cycle."""

    summary: str
    subtasks: tuple[PlannedSubtask, ...] = Field(min_length=1)

    @property
    def keys(self) -> frozenset[str]:
        """The ids of its subtasks."""
        return frozenset(subtask.id for subtask in self.subtasks)

    @model_validator(mode="after")
    def _is_a_graph(self) -> Self:
        edges = {subtask.id: subtask.dependencies for subtask in self.subtasks}
        if len(edges) != len(self.subtasks):
            raise ValueError("two subtasks have the same id")
        for key, dependencies in edges.items():
            if unknown := set(dependencies) - set(edges):
                raise ValueError(f"subtask {key!r} depends on unknown {sorted(unknown)}")
        try:
            TopologicalSorter(edges).prepare()
        except CycleError as error:
            raise ValueError(f"the plan has a cycle: {' -> '.join(error.args[1])}") from error
        return self
