"""A plan while a person edits it: each change makes a new one, checked when it is saved; pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydantic import ValidationError

from shared.models import Capability, Plan, PlannedSubtask, PlanVersion
from ui.plan_file import PlanFileMistaken, load_checks

NEW_TITLE = "New subtask"
NEW_SECONDS = 60
_QUOTED = re.compile(r"subtask(?: id)? '([^']*)'")
_WORDS = {
    "id": "its name takes a to z, 0 to 9, - and _, and begins with a letter or a digit",
    "title": "it needs a title of at most 200 characters",
    "description": "it needs a description of at most 8192 characters",
    "required_capabilities": "say what its agent must be able to do",
    "priority": "its priority is a number from 0 to 10",
    "estimated_duration": "its estimated time is between a second and a day",
    "expected_output": "what is expected has more than 8192 characters",
}


@dataclass
class Draft:
    """Unsaved edits of one version of a plan, and what was said against them."""

    base: PlanVersion
    plan: Plan
    selected: str = ""
    errors: list[str] = field(default_factory=list)
    made: int = 0  # counts what was added, so that no name is given twice
    turn: int = 0  # counts replacements of the whole plan, so that fields show the new values
    saved: bool = False
    written: dict[str, str] = field(default_factory=dict)  # checks as they were typed, by subtask

    @classmethod
    def of(cls, version: PlanVersion) -> "Draft":
        """Begin with what the version says."""
        first = version.plan.subtasks[0].id if version.plan.subtasks else ""
        return cls(version, version.plan, first)

    @property
    def changed(self) -> bool:
        """Whether there is anything to lose."""
        return self.plan != self.base.plan or bool(self._unread())

    @property
    def subtask(self) -> PlannedSubtask | None:
        """The one whose fields are shown."""
        return subtask_of(self.plan, self.selected)

    @property
    def said(self) -> list[str]:
        """Everything that is wrong: what was said against the plan, and checks nobody can read."""
        return list(dict.fromkeys([*self.errors, *self._unread()]))

    def sendable(self) -> tuple[Plan | None, list[str]]:
        """The plan as it may be sent, or why it cannot be."""
        plan, errors = checked(self.plan)
        unread = self._unread()
        return (None if unread else plan), [*errors, *unread]

    def write_checks(self, name: str, text: str) -> None:
        """Take the checks of a subtask as they are written; what cannot be read is kept as well."""
        self.written[name] = text
        try:
            self.put(name, checks=load_checks(text))
        except PlanFileMistaken:
            return  # told by `said`, and in the way of `sendable`

    def restore_checks(self) -> None:
        """Give the selected subtask the checks that it has in the version."""
        before = subtask_of(self.base.plan, self.selected)
        self.written.pop(self.selected, None)
        self.put(self.selected, checks=before.checks if before else ())
        self.turn += 1

    def _unread(self) -> list[str]:
        return [
            f"subtask {name!r}: its checks, {words}"
            for name, text in self.written.items()
            for words in _mistakes(text)
        ]

    def select(self, name: str) -> None:
        """Show the fields of another subtask, if it is in the plan."""
        if subtask_of(self.plan, name):
            self.selected = name

    def put(self, name: str, **values: Any) -> None:
        """Change fields of a subtask; a new name is followed by who waits for it.

        Not of the selected one: a browser may tell of a field when another is selected already.
        """
        if "id" in values and not self._may_be_called(name, values["id"]):
            return
        self.plan = changed(self.plan, name, **values)
        if self.selected == name:
            self.selected = values.get("id", name)

    def _may_be_called(self, name: str, new: str) -> bool:
        refused = f"subtask {name!r} cannot be called "
        self.errors = [error for error in self.errors if not error.startswith(refused)]
        if new == name or subtask_of(self.plan, new) is None:
            if name in self.written:
                self.written[new] = self.written.pop(name)
            return True
        self.errors.append(f"{refused}{new!r}: another one has that name; choose another name")
        return False

    def add(self) -> None:
        """Add a subtask that waits for the selected one, and select it."""
        self.made += 1
        self.plan, self.selected = with_new(self.plan, self.made, after=self.selected)

    def remove(self) -> None:
        """Take the selected subtask out; nobody waits for it any more."""
        at = [one.id for one in self.plan.subtasks].index(self.selected)
        self.plan = without(self.plan, self.selected)
        self.written.pop(self.selected, None)
        left = self.plan.subtasks
        self.selected = left[min(at, len(left) - 1)].id if left else ""

    def onto(self, version: PlanVersion) -> None:
        """Keep the edits, and let them replace this newer version when they are saved."""
        self.base, self.errors = version, []

    def restart(self, version: PlanVersion) -> None:
        """Drop the edits and begin anew with this version."""
        turn = self.turn + 1
        self.__dict__.update(Draft.of(version).__dict__, turn=turn)


def _mistakes(text: str) -> list[str]:
    try:
        load_checks(text)
    except PlanFileMistaken as error:
        return [
            f"line {one.line}: {one.words}" if one.line else one.words for one in error.mistakes
        ]
    return []


def subtask_of(plan: Plan, name: str) -> PlannedSubtask | None:
    """The subtask of this id."""
    return next((one for one in plan.subtasks if one.id == name), None)


def changed(plan: Plan, name: str, **values: Any) -> Plan:
    """The plan with other values in one subtask; they are not checked."""
    new = values.get("id", name)
    return _of(
        plan,
        (
            one.model_copy(update=values)
            if one.id == name
            else one.model_copy(update={"dependencies": _renamed(one.dependencies, name, new)})
            for one in plan.subtasks
        ),
    )


def with_new(plan: Plan, number: int, *, after: str) -> tuple[Plan, str]:
    """The plan with one more subtask, which waits for `after`, and its id."""
    names = {one.id for one in plan.subtasks}
    name = next(f"new-{n}" for n in count(number) if f"new-{n}" not in names)
    made = PlannedSubtask.model_construct(
        id=name,
        title=NEW_TITLE,
        description="",
        required_capabilities=(Capability.DATA_ANALYSIS,),
        dependencies=(after,) if after in names else (),
        priority=5,
        estimated_duration=NEW_SECONDS,
        expected_output="",
        profile=None,
        checks=(),
    )
    return _of(plan, (*plan.subtasks, made)), name


def without(plan: Plan, name: str) -> Plan:
    """The plan without a subtask; who waited for it waits for what it waited for."""
    gone = subtask_of(plan, name)
    before = gone.dependencies if gone else ()
    return _of(
        plan,
        (
            one.model_copy(update={"dependencies": _replaced(one.dependencies, name, before)})
            for one in plan.subtasks
            if one.id != name
        ),
    )


def checked(plan: Plan) -> tuple[Plan | None, list[str]]:
    """The plan as it may be sent, or why it cannot be; the service checks the rest."""
    errors = [
        f"subtask {name!r} is there more than once; give one of them another name"
        for name in dict.fromkeys(one.id for one in plan.subtasks)
        if sum(one.id == name for one in plan.subtasks) > 1
    ]
    if not plan.subtasks:
        errors.append("the plan has no subtask; add at least one")
    try:
        valid = Plan.model_validate(plan.model_dump())
    except ValidationError as error:
        return None, errors + _sentences(plan, error)
    return (None, errors) if errors else (valid, [])


def errors_of(errors: Iterable[str], name: str) -> list[str]:
    """The errors that name this subtask."""
    return [error for error in errors if name in _QUOTED.findall(error)]


def errors_of_all(errors: Iterable[str], plan: Plan) -> list[str]:
    """The errors that concern no subtask of the plan, but the plan as a whole."""
    names = {one.id for one in plan.subtasks}
    return [error for error in errors if not names.intersection(_QUOTED.findall(error))]


def _sentences(plan: Plan, error: ValidationError) -> list[str]:
    found = []
    for problem in error.errors():
        place = problem["loc"]
        if len(place) >= 3 and place[0] == "subtasks" and isinstance(place[1], int):
            what = _WORDS.get(str(place[2]), str(problem["msg"]))
            found.append(f"subtask {plan.subtasks[place[1]].id!r}: {what}")
        else:
            found.append(f"the plan's {place[0] if place else 'content'}: {problem['msg']}")
    return list(dict.fromkeys(found))


def _of(plan: Plan, subtasks: Iterable[PlannedSubtask]) -> Plan:
    return plan.model_copy(update={"subtasks": tuple(subtasks)})


def _renamed(names: Sequence[str], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in names)


def _replaced(names: Sequence[str], gone: str, by: Sequence[str]) -> tuple[str, ...]:
    if gone not in names:
        return tuple(names)
    return tuple(dict.fromkeys([*(name for name in names if name != gone), *by]))
