"""What a person enters to hand in a task: its limits, its choices, and what fills it in; pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid5

from shared.models import (
    MAX_DESCRIPTION,
    MAX_TITLE,
    MAX_USER,
    MIN_DESCRIPTION,
    Readiness,
    ReviewPolicy,
    TaskSummary,
    TaskView,
)
from ui.calls import Upload
from ui.views import ago, now, one_line, size, task_badge

AWAY = Readiness(status="away", simulated=False)  # how a service usually is set
NORMAL = 5
TEMPLATES = 6

# What the service refuses in text: control characters and marks that turn its direction.
INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
PRIORITIES = {2: "Can wait", NORMAL: "Normal", 8: "Urgent"}
PRIORITY_ICONS = {2: "hourglass", NORMAL: "schedule", 8: "priority_high"}
AS_CONFIGURED = "as-configured"
REVIEWS = {
    AS_CONFIGURED: "As configured",
    "off": "Never",
    "sampled": "Some results",
    "always": "Every result",
}
_POLICIES: dict[str, ReviewPolicy] = {"off": "off", "sampled": "sampled", "always": "always"}
REVIEW_WORDS = {
    AS_CONFIGURED: "As whoever runs Quintet set it: machine checks, and perhaps a second model.",
    "off": "Only machine checks run: the fastest and the cheapest.",
    "sampled": "A second model reads some of the results and may send them back.",
    "always": "A second model reads every result: it finds more, takes longer and costs more.",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the form."""

    description: str = ""
    title: str = ""
    user: str = ""
    priority: int = NORMAL
    review: str = AS_CONFIGURED
    approval: bool = False
    files: tuple[Upload, ...] = ()

    @property
    def policy(self) -> ReviewPolicy | None:
        """The review that is asked for, if any."""
        return _POLICIES.get(self.review)

    def key(self, form: UUID) -> str:
        """The idempotency key: the same for the same content of one form, however often sent."""
        words = [self.description, self.title, self.user, self.priority, self.review]
        contents = [[file.name, hashlib.sha256(file.content).hexdigest()] for file in self.files]
        return str(uuid5(form, json.dumps([words, self.approval, contents])))

    def tidy(self) -> "Draft":
        """The same without the space around its words."""
        return replace(
            self,
            description=self.description.strip(),
            title=self.title.strip(),
            user=self.user.strip(),
        )


@dataclass(frozen=True, slots=True)
class Filling:
    """What fills the form in: an example, or a task of before; `missing` are names of files.

    Without an `approval` of its own the service's setting stays.
    """

    name: str
    description: str
    title: str = ""
    priority: int = NORMAL
    review: str = AS_CONFIGURED
    approval: bool | None = None
    files: tuple[Upload, ...] = ()
    missing: tuple[str, ...] = ()


def problems(draft: Draft, service: Readiness = AWAY) -> list[str]:
    """What is wrong with a request before it is sent, each with what to do."""
    found = _wrong_words(draft)
    total = sum(len(file.content) for file in draft.files)
    most = service.max_upload_bytes
    if total > most:
        found.append(
            f"The files have {size(total)}; a task takes {size(most)} in all. "
            "Remove some, or make them smaller."
        )
    if len(draft.files) > service.max_files:
        found.append(
            f"There are {len(draft.files)} files; a task takes {service.max_files}. "
            "Remove some, or put them into one archive."
        )
    return found


def _wrong_words(draft: Draft) -> list[str]:
    found = []
    count = len(draft.description.strip())
    if count < MIN_DESCRIPTION:
        found.append(
            f"The task has {count} characters; it needs at least {MIN_DESCRIPTION}. "
            "Say in a sentence what you want done."
        )
    if count > MAX_DESCRIPTION:
        found.append(
            f"The task has {count:,} characters; shorten it to {MAX_DESCRIPTION:,}, "
            "and put long material into a file."
        )
    for name, text, most in (("title", draft.title, MAX_TITLE), ("name", draft.user, MAX_USER)):
        if len(text.strip()) > most:
            found.append(f"The {name} has {len(text.strip())} characters; shorten it to {most}.")
    if not draft.user.strip():
        found.append("Your name is empty: it decides whose tasks take turns.")
    if invisible(draft):
        found.append(
            f"There are {invisible(draft)} invisible control characters in the text, which are "
            "not taken. Remove them with the button below: no word changes."
        )
    return found


def invisible(draft: Draft) -> int:
    """How many characters nobody sees and the service refuses."""
    return sum(
        len(INVISIBLE.findall(text)) for text in (draft.description, draft.title, draft.user)
    )


def file_words(files: Sequence[Upload], service: Readiness = AWAY) -> str:
    """How many files there are and how much of the room they take."""
    limit = f"{service.max_files} files, {size(service.max_upload_bytes)} in all"
    if not files:
        return f"Up to {limit}. Agents can read them, never change them."
    total = size(sum(len(file.content) for file in files))
    return f"{len(files)} file{'s' if len(files) > 1 else ''}, {total} (up to {limit})"


def priority_choices(chosen: int) -> dict[int, str]:
    """The usual priorities, and the one that is chosen if it is another."""
    choices = PRIORITIES | ({} if chosen in PRIORITIES else {chosen: f"Priority {chosen}"})
    return dict(sorted(choices.items()))


def from_task(task: TaskView) -> Filling:
    """A task of before, to be handed in anew."""
    return Filling(
        name=one_line(task.title, 60),
        description=task.description,
        title=_given_title(task),
        priority=task.priority,
        review=task.review or AS_CONFIGURED,
        approval=task.require_approval,
        missing=tuple(file.name for file in task.context_files),
    )


def _given_title(task: TaskView) -> str:
    """The title, unless the service made it of the description's beginning."""
    made = task.description.strip().startswith(task.title.removesuffix("…"))
    return "" if made else task.title


def filled_words(filling: Filling) -> str:
    """What was filled in, and what is still to be done."""
    words = f"Filled in from “{filling.name}”."
    if filling.missing:
        words += f" Choose its files again: {', '.join(filling.missing)}."
    elif filling.files:
        words += f" {', '.join(file.name for file in filling.files)} comes with it."
    return words


def distinct(tasks: Iterable[TaskSummary]) -> list[TaskSummary]:
    """The newest task of each title, a few."""
    kept: dict[str, TaskSummary] = {}
    for task in tasks:
        kept.setdefault(one_line(task.title).casefold(), task)
    return list(kept.values())[:TEMPLATES]


def template_card(task: TaskSummary) -> dict[str, Any]:
    """A task of before as a card to choose."""
    badge = task_badge(task)
    return {
        "id": str(task.id),
        "icon": "history",
        "title": one_line(task.title, 90) or "Untitled",
        "text": f"{ago(task.created_at, now())} · {badge.label}",
        "tag": "",
    }
