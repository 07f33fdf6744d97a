"""The plan that waits for a person's word, as the centre of the page."""

import streamlit as st

from shared.models import Plan, PlannedSubtask, PlanVersion, TaskView
from ui.drawings import plan_graph
from ui.plan.proposal import plan_drawing
from ui.plan_words import check_words, needs, size_words, time_words, version_words, waves
from ui.safe_markdown import escaped, harmless
from ui.task_page.last_heard import Heard
from ui.views import one_line


def proposed_plan(known: Heard, task: TaskView) -> None:
    """The graph, how long it takes, what is done when, and what the picked subtask needs."""
    version = known.plan
    with st.container(border=True, key="proposal"):
        if version is None:
            st.markdown("##### The plan waits for your approval")
            st.caption("It is being fetched.")
            return
        _head(version)
        picked = _graph(version, key=f"proposal-{task.id}")
        if picked:
            planned_subtask(picked)
    with st.container(border=True, key="proposal-words"):
        st.markdown("##### What will be done, in order")
        in_words(version.plan)


def _head(version: PlanVersion) -> None:
    st.markdown("##### The plan waits for your approval")
    st.caption(escaped(f"{version_words(version)} · {size_words(version.plan)}"))
    if version.feedback:
        st.info(
            f"Made because of: {escaped(one_line(version.feedback, 600))}", icon=":material/undo:"
        )
    st.markdown(harmless(version.plan.summary))
    st.markdown(f":material/schedule: {escaped(time_words(version.plan))}")


def _graph(version: PlanVersion, *, key: str) -> PlannedSubtask | None:
    picked_key = f"{key}-picked"

    def pick() -> None:
        st.session_state[picked_key] = st.session_state[key].picked

    by_id = {one.id: one for one in version.plan.subtasks}
    first = next(iter(by_id.values()), None)
    picked = by_id.get(st.session_state.get(picked_key, ""), first)
    plan_graph(plan_drawing(version.plan, picked.id if picked else None), key=key, on_pick=pick)
    return picked


def planned_subtask(one: PlannedSubtask) -> None:
    """One subtask of a plan: what is asked for, what it needs, how it will be checked."""
    with st.container(key="planned"):
        st.markdown(f"#### {escaped(one_line(one.title, 120))}")
        st.caption(escaped(f"{one.id} · {needs(one)}"))
        left, right = st.columns(2, gap="medium")
        with left:
            st.markdown(harmless(one.description))
        with right:
            waits = ", ".join(one.dependencies) or "nothing: it can start at once"
            st.markdown(f"**Waits for:** {escaped(waits)}")
            if one.expected_output:
                st.markdown(f"**Expected:** {escaped(one.expected_output)}")
            if one.checks:
                st.markdown("**Checked by:**")
                st.markdown("\n".join(f"- {escaped(check_words(check))}" for check in one.checks))
            else:
                st.markdown("**Checked by:** no machine check")


def in_words(plan: Plan) -> None:
    """A number for everything that can start at the same time."""
    lines: list[str] = []
    for number, wave in enumerate(waves(plan), 1):
        if len(wave) == 1:
            lines.append(f"{number}. {_line(wave[0])}")
        else:
            lines.append(f"{number}. {len(wave)} at the same time:")
            lines += [f"    - {_line(one)}" for one in wave]
    st.markdown("\n".join(lines))


def _line(one: PlannedSubtask) -> str:
    title = escaped(one_line(one.title, 120))
    return f"**{title}** :small[:gray[{escaped(needs(one))}]]"
