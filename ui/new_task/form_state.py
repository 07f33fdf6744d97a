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
from ui.new_task.kept import read_kept
from ui.new_task.person import remembered
from ui.new_task.readiness import readiness

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
    """One form from when it is empty until it is handed in; the fields are Streamlit's.

    `standard` is whether plans wait unless somebody says otherwise, once the service told.
    """

    id: UUID = field(default_factory=uuid4)
    uploader: str = field(default_factory=lambda: f"files-{uuid4()}")
    standard: bool | None = None
    attached: list[Upload] = field(default_factory=list)
    uploaded: list[Upload] = field(default_factory=list)
    filled: Filling | None = None
    before: dict[str, Any] | None = None
    tried: bool = False
    handed_in: bool = False
    restored: bool = False
    trouble: QuintetError | None = None
    unfilled: QuintetError | None = None

    def files(self) -> tuple[Upload, ...]:
        """Every file that would be handed in."""
        return (*self.attached, *self.uploaded)

    def draft(self) -> Draft:
        """What would be handed in now."""
        fields = {name: st.session_state[name] for name in (*_FIELDS, "user")}
        return Draft(**fields, files=self.files())

    def approval(self, shown: bool) -> bool | None:
        """What to send of the switch: what it shows, unless it is off for want of an answer."""
        return shown if shown or self.standard is not None else None

    def learn(self, standard: bool) -> None:
        """The service has told how it is set; nothing changes under what was sent already."""
        if self.standard is None and self.trouble is None:
            self.standard = standard
            if self.filled is None or self.filled.approval is None:
                st.session_state["approval"] = standard or st.session_state["approval"]

    def fill(self, filling: Filling) -> None:
        """Put an example or a task of before into the form, beside the files that are there."""
        if not self.as_filled:
            self.before = _shown()
        self._detach_filled()
        self.attached += filling.files
        st.session_state.update(self._fields_of(filling))
        self.filled, self.tried, self.trouble, self.unfilled = filling, False, None, None
        self.restored = False

    @property
    def as_filled(self) -> bool:
        """Whether nothing was changed since it was filled in."""
        return self.filled is not None and _shown() == self._fields_of(self.filled)

    def _fields_of(self, filling: Filling) -> dict[str, Any]:
        fields = {name: getattr(filling, name) for name in _FIELDS}
        if filling.approval is None:
            fields["approval"] = bool(self.standard)
        return fields

    def kept(self) -> dict[str, Any]:
        """What the browser should keep, beside the words that it sees first."""
        fields = {name: value for name, value in _shown().items() if name != "description"}
        return {"form": str(self.id), **fields}

    def restore(self, found: Any) -> None:
        """Go on with a form that a reload of the page has cut off, if this one is empty."""
        kept = read_kept(found)
        if kept is None or st.session_state["description"].strip() or self.handed_in:
            return
        self.id, self.restored = kept.form, True
        st.session_state.update(kept.model_dump(include=set(_FIELDS)))

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


def _shown() -> dict[str, Any]:
    return {name: st.session_state[name] for name in _FIELDS}


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
    if (service := readiness()) is not None:
        form.learn(service.require_approval)
    st.session_state.setdefault("user", remembered())
    if form.uploader not in st.session_state and form.uploaded:
        # The uploader lost them with the page; they are kept here.
        form.attached += form.uploaded
        form.uploaded = []
    return form
