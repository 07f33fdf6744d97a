"""Scenarios: data files that say what the simulated model plans, does and answers.

`NAME.toml` describes one; files that its scripts write lie beside it in a folder `NAME/`.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from scripts.claude_simulator.template import FILTERS, Named, placeholders

SCENARIOS = Path(__file__).parent / "scenarios"

Capability = Literal[
    "data_analysis",
    "web_scraping",
    "code_generation",
    "file_processing",
    "database_operations",
    "api_integration",
]
Slug = Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)


class ScenarioError(ValueError):
    """A scenario file cannot be used; the text names the file, the place and the reason."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Strict):
    """When a scenario applies: one word of every group in the request, every glob among files."""

    words: tuple[tuple[str, ...], ...] = Field(min_length=1)
    files: tuple[str, ...] = ()

    def fits(self, request: str, files: Sequence[str] | None) -> bool:
        """Whether it applies; `files=None` means that the caller does not know them."""
        text = request.lower()
        if not all(any(word.lower() in text for word in group) for group in self.words):
            return False
        return files is None or all(
            any(fnmatch(f.lower(), glob) for f in files) for glob in self.files
        )


class PlannedSubtask(_Strict):
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


class Plan(_Strict):
    """A plan as the planner returns it: known dependencies, unique ids, no cycle."""

    summary: str
    subtasks: tuple[PlannedSubtask, ...] = Field(min_length=1)

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


class ScriptedCall(_Strict):
    """A tool call; `id` names its result for placeholders, `optional` tolerates its failure."""

    tool: str
    input: dict[str, Any] = {}
    id: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    optional: bool = False


class Turn(_Strict):
    """What an agent says in one turn and the tools that it calls in it."""

    say: str = ""
    calls: tuple[ScriptedCall, ...] = Field(min_length=1)


class Outcome(_Strict):
    """A structured result; texts and values may hold placeholders."""

    summary: str
    output: dict[str, Any] | str = {}
    files: tuple[str, ...] = ()
    claims: tuple[dict[str, str], ...] = ()
    failed: bool = False
    reason: str | None = None


class SubtaskScript(_Strict):
    """How one subtask is done; `correction` is done first when a result was sent back."""

    turns: tuple[Turn, ...] = ()
    correction: tuple[Turn, ...] = ()
    result: Outcome
    on_error: Outcome | None = None


class Answer(_Strict):
    """The aggregator's answer."""

    answer: str
    result: dict[str, Any] = {}


class Scenario(_Strict):
    """One scenario; `files` are the texts beside it, by name."""

    name: str
    match: Match
    priority: int = 0
    plan: Plan
    scripts: dict[str, SubtaskScript]
    answer: Answer | None = None
    files: dict[str, str] = {}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        planned = {subtask.id for subtask in self.plan.subtasks}
        if missing := planned - set(self.scripts):
            raise ValueError(f"no script for the subtasks {sorted(missing)}")
        if unknown := set(self.scripts) - planned:
            raise ValueError(f"scripts for subtasks that are not planned: {sorted(unknown)}")
        for path, name in placeholders(self.model_dump(include={"scripts", "answer"})):
            if path.startswith("file.") and path.removeprefix("file.") not in self.files:
                raise ValueError(f"{{{{{path}}}}}: there is no such file beside the scenario")
            if name is not None and name not in FILTERS:
                raise ValueError(f"{{{{{path}|{name}}}}}: known filters are {sorted(FILTERS)}")
        return self

    def texts(self) -> Named:
        """The files beside the scenario, for placeholders."""
        return Named(self.files)


def load_scenarios(folder: Path = SCENARIOS) -> tuple[Scenario, ...]:
    """Every scenario of the folder, the ones to be tried first in front."""
    if not folder.is_dir():
        raise ScenarioError(f"{folder}: no such folder; --scenarios takes a folder of .toml files")
    loaded = [load_scenario(path) for path in sorted(folder.glob("*.toml"))]
    return tuple(sorted(loaded, key=lambda scenario: (-scenario.priority, scenario.name)))


def load_scenario(path: Path) -> Scenario:
    """Read and check one scenario file."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        beside = {file.name: file.read_text(encoding="utf-8") for file in _beside(path)}
        return Scenario.model_validate({"name": path.stem, **data, "files": beside})
    except ValidationError as error:
        raise ScenarioError(f"{path.name}: {_first_problem(error)}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error


def choose(
    scenarios: Sequence[Scenario], request: str, files: Sequence[str] | None
) -> Scenario | None:
    """The first scenario that fits what the person asked and sent."""
    return next((each for each in scenarios if each.match.fits(request, files)), None)


def choose_for_results(
    scenarios: Sequence[Scenario], request: str, results: Mapping[str, Any]
) -> Scenario | None:
    """The scenario whose plan made these results; an edited plan has none."""
    scenario = choose(scenarios, request, None)
    if scenario is None or set(results) != {subtask.id for subtask in scenario.plan.subtasks}:
        return None
    return scenario


def _beside(path: Path) -> Iterator[Path]:
    folder = path.with_suffix("")
    return (file for file in sorted(folder.glob("*")) if file.is_file())


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg']}" if place else problem["msg"]
