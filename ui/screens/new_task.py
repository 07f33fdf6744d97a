"""Hand in a task."""

from uuid import UUID

import streamlit as st

from shared.errors import QuintetError
from shared.models import MAX_DESCRIPTION, MIN_DESCRIPTION
from ui.client import ServiceUnreachable
from ui.new_task.examples import EXAMPLES
from ui.new_task.form import (
    AWAY,
    PRIORITY_ICONS,
    REVIEW_WORDS,
    REVIEWS,
    Draft,
    file_words,
    filled_words,
    from_task,
    invisible,
    priority_choices,
    problems,
    template_card,
)
from ui.new_task.form_state import HAND_IN, WANTED, Form, current_form
from ui.new_task.kept import forget_kept
from ui.new_task.last_tasks import forget, last_tasks
from ui.new_task.person import COOKIE, remember
from ui.new_task.readiness import readiness
from ui.page_drawings import cards, counter
from ui.safe_markdown import escaped
from ui.service import client, show_error, transfers
from ui.steering_words import priority_words
from ui.views import one_line, size

TOP = ".st-key-question"


def _hand_in(form: Form, draft: Draft) -> None:
    """Send it; whatever happens, the form stays as it is until a task has come of it."""
    form.tried, form.trouble = True, None
    if problems(draft, readiness() or AWAY):
        return
    tidy = draft.tidy()
    try:
        with st.spinner("Handing it in…"):
            task = transfers().submit(
                tidy.description,
                user_id=tidy.user,
                title=tidy.title or None,
                priority=tidy.priority,
                review=tidy.policy,
                require_approval=form.approval(tidy.approval),
                files=tidy.files,
                idempotency_key=tidy.key(form.id),
            )
    except QuintetError as error:
        form.trouble = error
        return
    form.handed_in = True
    forget()
    forget_kept(form.id)
    st.switch_page("screens/task.py", query_params={"id": str(task.id)})


def _filled(form: Form) -> None:
    if form.unfilled:
        show_error(form.unfilled)
    if form.restored:
        st.caption(
            ":material/history: The page was loaded anew: your words are here again, "
            "files have to be chosen once more."
        )
    if form.filled is None:
        return
    icon = "attach_file" if form.filled.missing else "check"
    with st.container(
        border=True,
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key="filled",
    ):
        words = f":material/{icon}: {escaped(filled_words(form.filled))}"
        st.markdown(f":small[{words}]", width="content")
        st.button(
            "Undo",
            icon=":material/undo:",
            type="tertiary",
            on_click=form.undo,
            disabled=not form.as_filled,  # it would undo more than the filling in
        )


def _restore() -> None:
    form: Form = st.session_state["form"]
    form.restore(st.session_state["counter"].found)


def _words(form: Form) -> None:
    st.text_area(
        "Task",
        key="description",
        height=190,
        placeholder="For example: which region sold most this quarter, and why?",
        persist_state="session",
    )
    name = str(st.session_state["user"] or "")
    data = {
        "field": ".st-key-description textarea",
        "length": len(st.session_state["description"]),
        "least": MIN_DESCRIPTION,
        "most": MAX_DESCRIPTION,
        "cookie": COOKIE,
        "name": name.strip(),
        "kept": form.kept(),
    }
    counter(data, key="counter", on_found=_restore)
    remember(name)


def _files(form: Form) -> None:
    with st.container(gap="xsmall", key="context"):
        _uploader(form)


def _uploader(form: Form) -> None:
    given = st.file_uploader(
        "Files it should work with", accept_multiple_files=True, key=form.uploader
    )
    form.take(given or [])
    for place, file in enumerate(form.attached):
        with st.container(horizontal=True, vertical_alignment="center", key=f"attached-{place}"):
            named = f"{escaped(one_line(file.name, 60))} · :gray[{size(len(file.content))}]"
            st.markdown(f":small[:material/attach_file: {named}]", width="content")
            st.button(
                "Remove",
                key=f"detach-{place}",
                icon=":material/close:",
                type="tertiary",
                help=f"Remove {one_line(file.name, 60)}",
                on_click=form.detach,
                args=(place,),
            )
    st.caption(file_words(form.files(), readiness() or AWAY))


def _choices() -> None:
    first, second = st.columns([3, 2])
    first.text_input("Title (optional)", key="title", persist_state="session")
    second.text_input("Your name", key="user", persist_state="session")
    first, second = st.columns([3, 2])
    with first:
        choices = priority_choices(st.session_state["priority"])
        st.segmented_control(
            "How urgent is it?",
            list(choices),
            format_func=lambda one: f":material/{PRIORITY_ICONS.get(one, 'flag')}: {choices[one]}",
            key="priority",
            required=True,
            persist_state="session",
        )
        st.caption(priority_words(st.session_state["priority"]))
    with second:
        st.selectbox(
            "Review",
            list(REVIEWS),
            format_func=REVIEWS.__getitem__,
            key="review",
            persist_state="session",
        )
        st.caption(REVIEW_WORDS[st.session_state["review"]])
    with st.container(border=True, gap="xsmall", key="approval-first"):
        st.toggle("Show me the plan before anything runs", key="approval", persist_state="session")
        st.caption("You look at the plan, change it if you like, and say when to begin.")


def _what_stands_in_the_way(form: Form, draft: Draft) -> None:
    """Below the button, which therefore never moves away under a click."""
    found = problems(draft, readiness() or AWAY) if form.tried else []
    if found:
        st.error("  \n".join(map(escaped, found)), icon=":material/edit:")
        if invisible(draft):
            st.button(
                "Remove the invisible characters",
                icon=":material/cleaning_services:",
                on_click=form.remove_invisible,
            )
    if form.trouble:
        show_error(form.trouble)
        st.caption("Everything you entered is still here.")
        if isinstance(form.trouble, ServiceUnreachable):
            st.caption(
                "It may have arrived all the same. Hand it in once more when the orchestrator is "
                "back: the same task is never made twice."
            )


def _fill_from_example() -> None:
    form: Form = st.session_state["form"]
    chosen = st.session_state["examples"].chosen
    if chosen in EXAMPLES:
        form.fill(EXAMPLES[chosen].fill())


def _fill_from_task() -> None:
    form: Form = st.session_state["form"]
    chosen = st.session_state["templates"].chosen
    if not chosen:
        return
    try:
        form.fill(from_task(client().task(UUID(chosen)).task))
    except QuintetError as error:
        form.unfilled = error


def _beginnings() -> None:
    st.markdown("##### Begin with an example")
    drawn = [example.card(key) for key, example in EXAMPLES.items()]
    cards({"cards": drawn, "leads_to": TOP}, key="examples", on_choose=_fill_from_example)
    st.markdown("##### From your last tasks")
    tasks = last_tasks(str(st.session_state["user"] or "").strip())
    if tasks is None:
        st.caption("They cannot be read at the moment: the orchestrator does not answer.")
    elif not tasks:
        st.caption("What you hand in appears here, to be handed in again with a change.")
    else:
        drawn = [template_card(task) for task in tasks]
        cards({"cards": drawn, "leads_to": TOP}, key="templates", on_choose=_fill_from_task)


def page() -> None:
    """The form, and beside it what fills it in."""
    form = current_form()
    wanted = st.session_state.pop(WANTED, None)
    if wanted in EXAMPLES:
        form.fill(EXAMPLES[wanted].fill())
    with st.container(key="question"):
        st.header("What should be done?", anchor=False)
        st.caption(
            "Say it in your own words. Quintet makes a plan, agents work on it side by side, and "
            "you get one answer with its files and its price."
        )
    left, right = st.columns([5, 3], gap="large")
    with left, st.container(key="task-form"):
        with st.container():  # a slot of its own, drawn or not: nothing below moves with it
            _filled(form)
        _words(form)
        _files(form)
        _choices()
        handed_in = st.button(
            "Hand it in", key=HAND_IN, type="primary", icon=":material/send:", width="stretch"
        )
        draft = form.draft()
        if handed_in:
            _hand_in(form, draft)
        _what_stands_in_the_way(form, draft)
    with right:
        _beginnings()


page()
