"""What a browser tab keeps of a form, so that a reload loses no words and hands in nothing twice.

Files are not among it: a page may not choose them for a person.
"""

from collections import deque
from typing import Any
from uuid import UUID

import streamlit as st
from pydantic import Field, ValidationError

from shared.models import MAX_DESCRIPTION, MAX_TITLE, Record
from ui.new_task.form import AS_CONFIGURED, NORMAL, REVIEWS

MOST_HANDED_IN = 1_000


class Kept(Record):
    """A form as it stood in the browser; `form` is its id."""

    form: UUID
    description: str = Field(min_length=1, max_length=4 * MAX_DESCRIPTION)
    title: str = Field(default="", max_length=4 * MAX_TITLE)
    priority: int = Field(default=NORMAL, ge=0, le=10)
    review: str = Field(default=AS_CONFIGURED, pattern=f"^({'|'.join(REVIEWS)})$")
    approval: bool = False


def read_kept(found: Any) -> Kept | None:
    """What the browser had kept, unless it makes no sense or has become a task."""
    try:
        kept = Kept.model_validate(found)
    except ValidationError:
        return None  # of another version: nothing that a person could mend
    return None if kept.form in _handed_in() else kept


def forget_kept(form: UUID) -> None:
    """The form has become a task: no browser brings it back."""
    _handed_in().append(form)


@st.cache_resource
def _handed_in() -> deque[UUID]:
    return deque(maxlen=MOST_HANDED_IN)
