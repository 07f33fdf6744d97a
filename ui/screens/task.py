"""One task, live: plan, people's questions answered at a glance, and what came out of it."""

from dataclasses import dataclass, field
from uuid import UUID

import streamlit as st

from shared.errors import NotFound, QuintetError
from shared.models import AttemptView, LogEntry, SubtaskView, TaskDetail
from shared.states import SubtaskStatus
from ui import task_sections as sections
from ui.drawings import plan_graph
from ui.evidence import is_cut
from ui.plan_graph import drawing
from ui.safe_markdown import escaped
from ui.service import client, show_away, show_error
from ui.subtask_panel import Known, subtask_panel
from ui.views import is_over, now, one_line, worth_a_look

LIVE_SECONDS = 2
RESTING_SECONDS = 5
LOG_PAGE = 500
LOG_KEPT = 2000


def _asked_for() -> UUID | None:
    try:
        return UUID(st.query_params.get("id", ""))
    except ValueError:
        return None


@dataclass
class _Seen:
    """What this session last heard of a task, kept for when the orchestrator is away."""

    detail: TaskDetail | None = None
    entries: list[LogEntry] = field(default_factory=list)
    attempts: tuple[AttemptView, ...] = ()
    attempts_of: tuple[UUID, int, SubtaskStatus] | None = None
    trouble: QuintetError | None = None

    def refresh(self, task_id: UUID) -> None:
        """Ask again; of the log, only for what is new."""
        try:
            self.detail = client().task(task_id)
            after = self.entries[-1].id if self.entries else 0
            self.entries += client().logs(task_id, after=after, limit=LOG_PAGE).entries
        except QuintetError as error:
            self.trouble = error
            return
        self.trouble = None
        del self.entries[:-LOG_KEPT]

    def tried(self, task_id: UUID, subtask: SubtaskView) -> tuple[AttemptView, ...]:
        """Its attempts, where they say more; they are large, so asked for only when it moved."""
        stands = (subtask.id, subtask.attempt, subtask.status)
        if self.attempts_of == stands or not (subtask.attempt > 1 or is_cut(subtask)):
            return self.attempts
        try:
            found = client().attempts(task_id)
        except QuintetError:
            return self.attempts  # the task's own answer says enough until the next refresh
        self.attempts_of = stands
        self.attempts = tuple(one for one in found if one.subtask_id == subtask.id)
        return self.attempts


def _show_trouble(seen: _Seen) -> None:
    if isinstance(seen.trouble, NotFound):
        show_error(seen.trouble)
    elif seen.trouble:
        show_away(seen.trouble, stale=seen.detail is not None)


def _plan(seen: _Seen, detail: TaskDetail) -> None:
    task = detail.task
    picked_key = f"picked-{task.id}"
    graph_key = f"plan-{task.id}"

    def pick() -> None:
        st.session_state[picked_key] = st.session_state[graph_key].picked

    chosen = {one.key: one for one in task.subtasks}.get(st.session_state.get(picked_key, ""))
    shown = chosen or worth_a_look(task)
    with st.container(border=True, key="plan"):
        st.markdown("##### Plan")
        if not task.subtasks or shown is None:
            st.caption("The plan appears here as soon as it is made.")
            return
        if task.plan_summary:
            st.caption(escaped(one_line(task.plan_summary, 300)))
        if task.plan_errors and task.subtasks:
            sections.sent_back(task)
        plan_graph(drawing(task, shown.key, now()), key=graph_key, on_pick=pick)
    with st.container(border=True, key="subtask"):
        known = Known(detail, shown, seen.entries, seen.tried(task.id, shown))
        subtask_panel(known, now())
    with st.container(border=True, height=sections.PANEL_HEIGHT, key="happening"):
        sections.activity(task, seen.entries, now())


def _live(task_id: UUID) -> None:
    seen: _Seen = st.session_state.setdefault(f"seen-{task_id}", _Seen())
    seen.refresh(task_id)
    # One slot a section, drawn or not: nothing below moves when a section comes or goes.
    trouble, head, failure, answer, plan, files = (st.container() for _ in range(6))
    with trouble:
        _show_trouble(seen)
    if seen.detail is None:
        return
    task = seen.detail.task
    with head:
        sections.header(task)
        sections.figures(task, now())
    with failure:
        sections.failure(task)
    with answer:
        sections.answer(task)
    with plan:
        _plan(seen, seen.detail)
    with files:
        if task.artifacts and not task.answer:
            sections.files(task)
    _keep_pace(task_id, is_over(task))


def _keep_pace(task_id: UUID, over: bool) -> None:
    """Poll a task that is over more slowly, and a reopened one quickly again."""
    if st.session_state.setdefault(f"over-{task_id}", over) != over:
        st.session_state[f"over-{task_id}"] = over
        st.rerun()


def page() -> None:
    """The task named by the address."""
    task_id = _asked_for()
    if task_id is None:
        st.info("No task is chosen. Open one from the list.", icon=":material/checklist:")
        return
    over = st.session_state.get(f"over-{task_id}", False)
    st.fragment(_live, run_every=RESTING_SECONDS if over else LIVE_SECONDS)(task_id)


page()
