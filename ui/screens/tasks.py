"""Every task, newest first: searched, filtered, a page at a time, and always as it is now."""

import streamlit as st

from shared.errors import QuintetError
from shared.models import TaskPage
from ui.list_place import Place
from ui.new_task.examples import EXAMPLES
from ui.new_task.form_state import WANTED
from ui.new_task.person import remembered
from ui.page_drawings import cards, task_list
from ui.service import client, show_away
from ui.task_list import KINDS, Filters, people, rows
from ui.views import now

REFRESH_SECONDS = 2
SEEN_AT_FIRST = 100


def _come_in() -> None:
    """Take the filters from the address, or else those that were left here in this session."""
    if "kinds" in st.session_state:
        return
    given = [(name, one) for name in st.query_params for one in st.query_params.get_all(name)]
    kept: Filters = st.session_state.get("task_filters", Filters())
    _choose(Filters.from_address(given) or kept)


def _choose(filters: Filters) -> None:
    st.session_state.update(
        {
            "search": filters.text,
            "kinds": list(filters.kinds),
            "by": filters.by or None,
            "mine": filters.mine,
        }
    )


def _people() -> list[str]:
    """Whose tasks there are, as far as this session has seen."""
    if "people" not in st.session_state:
        try:
            newest = client().tasks(limit=SEEN_AT_FIRST).tasks
        except QuintetError:
            return []
        st.session_state["people"] = people((), newest)
    found: list[str] = st.session_state["people"]
    return found


def _chosen() -> Filters:
    left, middle, right = st.columns([6, 2, 1.6], vertical_alignment="center")
    with left:
        text = st.text_input(
            "Search",
            key="search",
            type="search",
            live="300ms",
            placeholder="Search titles and descriptions",
            label_visibility="collapsed",
        )
    with middle:
        by = st.selectbox(
            "By",
            _people(),
            index=None,
            key="by",
            placeholder="By anyone",
            accept_new_options=True,
            label_visibility="collapsed",
        )
    with right:
        mine = st.toggle("Only mine", key="mine", help=f"Tasks of {remembered()}.")
    kinds = st.pills(
        "Show",
        list(KINDS),
        selection_mode="multi",
        format_func=lambda name: f":material/{KINDS[name].icon}: {KINDS[name].label}",
        key="kinds",
        label_visibility="collapsed",
        wrap=True,
    )
    return Filters(text or "", tuple(kinds), by or "", mine)


def _nothing(place: Place) -> None:
    with st.container(border=True, horizontal_alignment="center", key="nothing"):
        st.space("small")
        if place.trail:
            _say("history", "Nothing older", "These tasks are gone, or you have seen them all.")
            st.button("To the newest", icon=":material/first_page:", on_click=place.newest)
        elif place.question.narrow:
            _say("search_off", "Nothing matches", "No task is like this at the moment.")
            st.button("Show every task", icon=":material/filter_alt_off:", on_click=_clear)
        else:
            _say("music_note", "No tasks yet", "It takes a sentence to hand one in.")
            st.page_link("screens/new_task.py", label="New task", icon=":material/add_circle:")
        st.space("small")
    if not place.trail and not place.question.narrow:
        st.markdown("##### Or begin with an example")
        drawn = [example.card(key) for key, example in EXAMPLES.items()]
        cards({"cards": drawn}, key="first_examples", on_choose=_want)


def _want() -> None:
    st.session_state[WANTED] = st.session_state["first_examples"].chosen


def _say(icon: str, what: str, more: str) -> None:
    st.markdown(f"# :gray[:material/{icon}:]", text_alignment="center")
    st.markdown(f"#### {what}", text_alignment="center")
    st.caption(more, text_alignment="center")


def _clear() -> None:
    _choose(Filters())
    st.session_state["filters_cleared"] = True


def _trouble(place: Place, error: QuintetError | None) -> None:
    if error:
        show_away(error, stale=place.heard is not None)
        if place.heard and place.heard_of != place.question:
            st.caption("These are not yet the tasks that you are looking for now.")
    elif place.lost:
        st.info(
            "That page is not there any more. These are the newest.", icon=":material/first_page:"
        )


def _paging(place: Place, heard: TaskPage, *, away: bool) -> None:
    page = len(place.trail)
    with st.container(horizontal=True, vertical_alignment="center", key="paging"):
        if place.trail and heard.tasks:
            st.button(
                "Newer",
                icon=":material/arrow_back:",
                on_click=place.newer,
                args=(page,),
                disabled=away,
            )
        if heard.next_cursor:
            st.button(
                "Older",
                icon=":material/arrow_forward:",
                icon_position="right",
                on_click=place.older,
                args=(page, heard.next_cursor),
                disabled=away,
            )
        if place.trail and heard.tasks:
            st.caption(f"Page {page + 1}, newest first")


def _list(filters: Filters) -> None:
    if st.session_state.get(WANTED):
        st.switch_page("screens/new_task.py")
    if st.session_state.pop("filters_cleared", False):
        st.rerun()  # the filters themselves stand outside of what is drawn again
    question = filters.question(remembered())
    place: Place = st.session_state.setdefault("task_place", Place(question))
    place.turn(question)
    error = place.refresh()
    # One slot each, drawn or not: no row moves when a banner comes or goes.
    trouble, drawn, empty, paging = (st.container() for _ in range(4))
    with trouble:
        _trouble(place, error)
    found = place.heard.tasks if place.heard else ()
    with drawn:
        page = f"{question} {len(place.trail)}"
        data = {"rows": rows(found, now()), "page": page, "address": filters.address()}
        opened = task_list(data, key="task-rows")
    if opened:
        st.switch_page("screens/task.py", query_params={"id": opened})
    if place.heard is None:
        return
    st.session_state["people"] = people(st.session_state.get("people", []), found)
    with empty:
        if not found:
            _nothing(place)
    with paging:
        _paging(place, place.heard, away=error is not None)


def page() -> None:
    """Search, filters, rows."""
    st.header("Tasks", anchor=False)
    _come_in()
    filters = _chosen()
    st.session_state["task_filters"] = filters
    st.fragment(_list, run_every=REFRESH_SECONDS)(filters)


page()
