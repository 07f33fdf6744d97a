"""Scenarios: data files that say what the simulated model plans, does and answers.

`NAME.toml` describes one; files that its scripts write lie beside it in a folder `NAME/`.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from scripts.claude_simulator.conduct import Judgement, SubtaskScript
from scripts.claude_simulator.plan import Plan, Strict
from scripts.claude_simulator.template import FILTERS, Named, placeholders

SCENARIOS = Path(__file__).parent / "scenarios"


class ScenarioError(ValueError):
    """A scenario file cannot be used; the text names the file, the place and the reason."""


class Match(Strict):
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


class Answer(Strict):
    """The aggregator's answer."""

    answer: str
    result: dict[str, Any] = Field(default_factory=dict)


class Scenario(Strict):
    """One scenario; `files` are the texts beside it, by name.

    `replan` is returned when the checks of `plan` were found vacuous, `reviews` are by subtask
    and round, the last one for every later round.
    """

    name: str
    match: Match
    priority: int = 0
    plan: Plan
    replan: Plan | None = None
    scripts: dict[str, SubtaskScript]
    reviews: dict[str, Annotated[tuple[Judgement, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    answer: Answer | None = None
    files: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        planned = frozenset[str]().union(*(plan.keys for plan in self.plans))
        if missing := planned - set(self.scripts):
            raise ValueError(f"no script for the subtasks {sorted(missing)}")
        if unknown := set(self.scripts) - planned:
            raise ValueError(f"scripts for subtasks that are not planned: {sorted(unknown)}")
        if unknown := set(self.reviews) - planned:
            raise ValueError(f"reviews of subtasks that are not planned: {sorted(unknown)}")
        return self

    @model_validator(mode="after")
    def _can_be_rendered(self) -> Self:
        for path, name in placeholders(self.model_dump(include={"scripts", "answer"})):
            if path.startswith("file.") and path.removeprefix("file.") not in self.files:
                raise ValueError(f"{{{{{path}}}}}: there is no such file beside the scenario")
            if name is not None and name not in FILTERS:
                raise ValueError(f"{{{{{path}|{name}}}}}: known filters are {sorted(FILTERS)}")
        return self

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plan, and the one that is returned in its place."""
        return (self.plan,) if self.replan is None else (self.plan, self.replan)

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
    if scenario is None or all(set(results) != plan.keys for plan in scenario.plans):
        return None
    return scenario


def _beside(path: Path) -> Iterator[Path]:
    folder = path.with_suffix("")
    return (file for file in sorted(folder.glob("*")) if file.is_file())


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg']}" if place else problem["msg"]
