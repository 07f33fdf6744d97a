"""What stands in the form of a new task, kept by the session: until it is handed in, whatever
page a person looks at meanwhile and however often the service refuses or is away."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from shared.errors import QuintetError
from ui.calls import Upload
from ui.new_task.form import AS_CONFIGURED, INVISIBLE, NORMAL, Draft, Filling
from ui.new_task.person import remembered

HAND_IN = "hand_in"
WANTED = "wanted_example"  # chosen on another page
_FIELDS: dict[str, Any] = {
    "description": "",
    "title": "",
    "priority": NORMAL,
    "review": AS_CONFIGURED,
    "approval": False,
}


@dataclass
class Form:
    """One form from when it is empty until it is handed in; the fields are Streamlit's."""

    id: UUID = field(default_factory=uuid4)
    attached: list[Upload] = field(default_factory=list)
    uploaded: list[Upload] = field(default_factory=list)
    filled: Filling | None = None
    before: dict[str, Any] | None = None
    tried: bool = False
    handed_in: bool = False
    trouble: QuintetError | None = None
    unfilled: QuintetError | None = None

    @property
    def uploader(self) -> str:
        """The key of this form's file uploader."""
        return f"files-{self.id}"

    def files(self) -> tuple[Upload, ...]:
        """Every file that would be handed in."""
        return (*self.attached, *self.uploaded)

    def draft(self) -> Draft:
        """What would be handed in now."""
        fields = {name: st.session_state[name] for name in (*_FIELDS, "user")}
        return Draft(**fields, files=self.files())

    def fill(self, filling: Filling) -> None:
        """Put an example or a task of before into the form, beside the files that are there."""
        if not self.as_filled:
            self.before = {name: st.session_state[name] for name in _FIELDS}
        self._detach_filled()
        self.attached += filling.files
        st.session_state.update(_fields_of(filling))
        self.filled, self.tried, self.trouble, self.unfilled = filling, False, None, None

    @property
    def as_filled(self) -> bool:
        """Whether nothing was changed since it was filled in."""
        now = {name: st.session_state[name] for name in _FIELDS}
        return self.filled is not None and now == _fields_of(self.filled)

    def undo(self) -> None:
        """Bring back what stood in the form before it was filled in."""
        self._detach_filled()
        st.session_state.update(self.before or {})
        self.filled = self.before = None

    def _detach_filled(self) -> None:
        if self.filled:
            self.attached = [file for file in self.attached if file not in self.filled.files]

    def detach(self, place: int) -> None:
        """Take a file out of those that are not in the uploader."""
        self.attached = [file for at, file in enumerate(self.attached) if at != place]

    def remove_invisible(self) -> None:
        """Take the characters out that nobody sees and the service refuses."""
        for name in ("description", "title", "user"):
            st.session_state[name] = INVISIBLE.sub("", st.session_state[name])

    def take(self, files: Sequence[UploadedFile]) -> None:
        """What stands in the uploader now."""
        self.uploaded = [
            Upload(file.name, file.getvalue(), file.type or "application/octet-stream")
            for file in files
        ]


def _fields_of(filling: Filling) -> dict[str, Any]:
    return {name: getattr(filling, name) for name in _FIELDS}


def current_form() -> Form:
    """The form as it was left, or an empty one after it was handed in.

    A second click on the button may arrive when the first has just been answered: it still is of
    the same form, and its key leads to the same task.
    """
    form: Form | None = st.session_state.get("form")
    if form and st.session_state.get(HAND_IN):
        form.unfilled = None
    if form is None or (form.handed_in and not st.session_state.get(HAND_IN)):
        form = Form()
        st.session_state["form"] = form
        st.session_state.update(_FIELDS)
    for name, empty in _FIELDS.items():
        st.session_state.setdefault(name, empty)
    st.session_state.setdefault("user", remembered())
    if form.uploader not in st.session_state and form.uploaded:
        # The uploader lost them with the page; they are kept here.
        form.attached += form.uploaded
        form.uploaded = []
    return form
