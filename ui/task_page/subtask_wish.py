"""What should be different of a subtask that runs again: fields in a dialog."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from shared.errors import InvalidRequest
from shared.models import SubtaskEdit, SubtaskView
from ui.plan_file import PlanFileMistaken, dump_checks, load_checks
from ui.safe_markdown import escaped
from ui.task_page.plan_fields import checks_area
from ui.views import sentence

MOST_CHARACTERS = 8192
_AS_IT_IS, _EDITED = "as it is", "edited"


@dataclass(frozen=True, slots=True)
class Wish:
    """The changes, if there are any, or why they cannot be read."""

    edit: SubtaskEdit | None = None
    mistaken: InvalidRequest | None = None

    def sent(self) -> SubtaskEdit | None:
        """What goes out with the request; raises InvalidRequest."""
        if self.mistaken:
            raise self.mistaken
        return self.edit


def wished(subtask: SubtaskView, *, key: str) -> Wish:
    """Another description, expectation or other checks, where a person wants them."""
    how = st.segmented_control(
        "How",
        [_AS_IT_IS, _EDITED],
        format_func={_AS_IT_IS: "As it is", _EDITED: "With changes"}.__getitem__,
        default=_AS_IT_IS,
        required=True,
        key=f"{key}-how",
        label_visibility="collapsed",
    )
    if how != _EDITED:
        return Wish()
    values: dict[str, Any] = {}
    told = _text("What its agent is told", subtask.description, key=f"{key}-description")
    if told and told != subtask.description.strip():
        values["description"] = told
    expected = _text("What is expected of it", subtask.expected_output, key=f"{key}-expected")
    if expected != subtask.expected_output.strip():
        values["expected_output"] = expected
    planned = tuple(one.check for one in subtask.checks if one.source == "plan")
    try:
        checks = load_checks(checks_area(dump_checks(planned), key=f"{key}-checks"))
    except PlanFileMistaken as error:
        for mistake in error.mistakes:
            st.markdown(f":red[:material/error:] {escaped(sentence(mistake.words))}")
        return Wish(mistaken=error)
    if checks != planned:
        values["checks"] = checks
    return Wish(SubtaskEdit.model_validate(values) if values else None)


def _text(label: str, before: str, *, key: str) -> str:
    return st.text_area(label, before, key=key, height=130, max_chars=MOST_CHARACTERS).strip()
