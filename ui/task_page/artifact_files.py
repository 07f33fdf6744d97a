"""Files that subtasks left: a line each, a look inside in a dialog, and a download."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal
from uuid import UUID

import streamlit as st

from shared.errors import QuintetError
from shared.models import Artifact
from ui.safe_markdown import escaped, harmless
from ui.service import artifact_bytes, content, show_error
from ui.task_page.artifact_preview import (
    Kind,
    Preview,
    first_lines,
    is_json,
    preview_of,
    table_of,
    text_of,
)
from ui.task_page.asking import Asked, opener
from ui.task_page.pictures import picture
from ui.views import distinct_files, one_line, size

Height = int | Literal["content"]

FILES_HEIGHT = 480
FILES_UNSCROLLED = 6
PREVIEW_HEIGHT = 520
PREVIEW_LINES = 18
_ICONS: dict[Kind, str] = {
    "image": "image",
    "markdown": "article",
    "table": "table",
    "json": "data_object",
    "code": "code",
    "text": "description",
    "none": "draft",
}


def files(task_id: UUID, artifacts: Sequence[Artifact], *, key: str) -> None:
    """Every file once: with a look inside, where that is possible, and a download."""
    listed = distinct_files(tuple(artifacts))
    height: Height = FILES_HEIGHT if len(listed) > FILES_UNSCROLLED else "content"
    with st.container(border=True, key=key, height=height, gap="xsmall"):
        st.markdown("##### Files")
        for artifact in listed:
            _file(task_id, artifact, key)


def _file(task_id: UUID, artifact: Artifact, key: str) -> None:
    shown = preview_of(artifact.name, artifact.media_type, artifact.size)
    mark = f"{key}-{artifact.path}-{artifact.sha256[:8]}"
    name = escaped(one_line(artifact.name, 60))
    label = f"{name} :small[:gray[{size(artifact.size)}]]"
    with st.container(
        horizontal=True,
        gap="xsmall",
        vertical_alignment="center",
        horizontal_alignment="distribute",
        wrap=False,
    ):
        if shown.kind == "none":
            why = escaped(shown.why_not)
            icon = ":material/draft:"
            st.button(
                label, key=f"look-{mark}", icon=icon, type="tertiary", disabled=True, help=why
            )
        else:
            body = partial(_look, task_id, artifact, shown)
            title = escaped(one_line(artifact.name, 80))
            asked = partial(Asked, task_id, title, _ICONS[shown.kind], body, "large")
            opener(label, asked, key=f"look-{mark}", icon=_ICONS[shown.kind], kind="tertiary")
        _download(task_id, artifact, key=f"download-{mark}")


def _download(task_id: UUID, artifact: Artifact, *, key: str, label: str = "") -> None:
    name = escaped(one_line(artifact.name, 60))
    st.download_button(
        label or ":material/download:",
        data=lambda: artifact_bytes(str(task_id), artifact.path),
        file_name=artifact.name,
        mime=artifact.media_type,
        key=key,
        help=f"Download {name}, made by {escaped(artifact.subtask_key)}",
        on_click="ignore",
        icon=":material/download:" if label else None,
        type="secondary" if label else "tertiary",
    )


def _look(task_id: UUID, artifact: Artifact, shown: Preview, _: Asked) -> None:
    """The dialog: the content as far as it is shown, and the way to the whole."""
    facts = f"{size(artifact.size)} · made by {artifact.subtask_key}, attempt {artifact.attempt}"
    st.caption(escaped(facts))
    try:
        fetch = picture if shown.kind == "image" else content
        found = fetch(str(task_id), artifact.path, artifact.sha256)
    except QuintetError as error:
        show_error(error)
    else:
        with st.container(key="preview"):
            _SHOW.get(shown.kind, _text)(artifact, shown, found)
    _download(task_id, artifact, key="preview-download", label="Download")


def _image(artifact: Artifact, _: Preview, content: bytes) -> None:
    st.image(content, width="stretch", alt=one_line(artifact.name, 80))


def _text(artifact: Artifact, shown: Preview, content: bytes) -> None:
    text = text_of(content)
    if text is None:
        st.info("This is no text: download it.", icon=":material/draft:")
        return
    draw = {"markdown": _markdown, "table": _table, "json": _json}.get(shown.kind)
    if draw is None or not draw(artifact, text):
        head, more = first_lines(text)
        lines = head.count("\n")
        st.code(head, language=shown.language or None, line_numbers=True, height=_height(lines))
        if more:
            st.caption(f"{more:,} more lines in the file.")


def _height(lines: int) -> Height:
    """As high as the content is, up to what leaves the download in sight."""
    return PREVIEW_HEIGHT if lines > PREVIEW_LINES else "content"


def _markdown(_: Artifact, text: str) -> bool:
    with st.container(height=_height(len(text) // 60 + text.count("\n")), border=True):
        st.markdown(harmless(text))
    return True


def _table(artifact: Artifact, text: str) -> bool:
    table = table_of(artifact.name, text)
    if table is None:
        return False
    st.dataframe(
        table.rows, hide_index=True, height=PREVIEW_HEIGHT if len(table.rows) > 14 else "auto"
    )
    more = [f"{table.more_rows:,} more rows"] if table.more_rows else []
    more += [f"{table.more_columns} more columns"] if table.more_columns else []
    rows = f"{len(table.rows):,} row{'s' if len(table.rows) != 1 else ''}"
    st.caption(
        f"The first {rows}; {' and '.join(more)} in the file." if more else f"{rows}, all of them."
    )
    return True


def _json(_: Artifact, text: str) -> bool:
    if not is_json(text):
        return False
    with st.container(height=_height(len(text) // 20), border=True):
        st.json(text, expanded=2)
    return True


_SHOW: dict[Kind, Callable[[Artifact, Preview, bytes], None]] = {"image": _image}
