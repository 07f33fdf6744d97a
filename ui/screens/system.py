"""The whole system: how much it does, how long that takes, what fails, what it rests on."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from shared.errors import QuintetError
from shared.models import Activity, Period, SystemView
from ui.figures import charts
from ui.figures import system_figures as figures
from ui.figures.figure_drawings import chart, metrics
from ui.figures.system_figures import Rows
from ui.service import client, show_away, show_badge
from ui.views import Badge, duration

POSTGRESQL = Badge("PostgreSQL answers", "database", "✓", "green")
NO_POSTGRESQL = Badge("PostgreSQL does not answer", "database_off", "✗", "red")
REDIS = Badge("Redis answers", "notifications_active", "✓", "green")
NO_REDIS = Badge("Redis is away, work goes on more slowly", "notifications_off", "✗", "orange")
RULES_HOLD = Badge("The ledger keeps its rules", "verified", "✓", "green")
RULES_BROKEN = Badge("The ledger holds what must not be", "gpp_bad", "✗", "red")
RULES_UNKNOWN = Badge("The ledger's rules were not checked yet", "hourglass_top", "◔", "gray")
_CLOCKS = {Period.HOUR: "%H:%M", Period.DAY: "%H:%M", Period.WEEK: "%a %d"}


def _nothing(words: str) -> None:
    with st.container(height=charts.BAR_HEIGHT, border=False, vertical_alignment="center"):
        st.markdown(f":gray[:material/check: {words}]", text_alignment="center")


def _table(rows: Rows, alt_text: str) -> None:
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    st.table(columns, border="horizontal", hide_index=True, alt=alt_text)


def _health(view: SystemView) -> None:
    violations = view.violations
    with st.container(horizontal=True, gap="xsmall", key="health"):
        show_badge(POSTGRESQL if view.postgresql else NO_POSTGRESQL)
        show_badge(REDIS if view.redis else NO_REDIS)
        if violations is None:
            show_badge(RULES_UNKNOWN)
        else:
            show_badge(RULES_BROKEN if any(violations.values()) else RULES_HOLD)
    with st.container(key="alarms"):
        _alarms(view)


def _alarms(view: SystemView) -> None:
    if not view.postgresql:
        st.warning(
            "**PostgreSQL does not answer.** Nothing is lost and nothing moves until it is back. "
            f"{figures.age_words(view)} Trying again every few seconds.",
            icon=":material/database_off:",
        )
    if broken := figures.broken_rules(view.violations or {}):
        lines = "\n".join(f"- {line}" for line in broken)
        st.error(
            f"**The ledger holds what must not be.** Report it, with this:\n\n{lines}",
            icon=":material/gpp_bad:",
        )


def _throughput(activity: Activity) -> None:
    words = figures.stretch_words(activity.stretch_seconds)
    period, clock = figures.since(activity.period), _CLOCKS[activity.period]
    left, right = st.columns(2)
    with left, st.container(border=True, key="tasks-ended"):
        st.subheader(f"Tasks per {words}", anchor=False)
        handed_in = sum(stretch.accepted for stretch in activity.stretches)
        if handed_in or any(stretch.tasks for stretch in activity.stretches):
            spec = charts.endings_chart(title="Tasks", clock=clock, handed_in=True)
            alt = f"Tasks handed in and ended per {words}, by how they ended"
            chart(spec, figures.task_rows(activity), alt=alt, key="chart-tasks")
        else:
            _nothing(f"No task was handed in and none has ended {period}.")
        st.caption(f"{handed_in:,} tasks came in {period}.")
    with right, st.container(border=True, key="attempts-ended"):
        st.subheader(f"Attempts at subtasks, ended per {words}", anchor=False)
        if any(stretch.attempts for stretch in activity.stretches):
            spec = charts.endings_chart(title="Attempts", clock=clock, handed_in=False)
            alt = f"Attempts that ended per {words}, by how they ended"
            chart(spec, figures.attempt_rows(activity), alt=alt, key="chart-attempts")
        else:
            _nothing(f"No subtask was worked on {period}.")
        st.caption(figures.losses(activity))


def _queues(view: SystemView) -> None:
    with st.container(border=True, key="queues"):
        st.subheader("Queues now, by what a subtask needs", anchor=False)
        lanes = view.work.lanes if view.work else ()
        if not lanes:
            _nothing("Nothing waits and nothing runs.")
            return
        alt = "Running and waiting subtasks by the capabilities they need"
        chart(charts.lanes_chart(), figures.lane_rows(lanes), alt=alt, key="chart-lanes")
        _table(figures.lane_table(lanes), "Queues by capabilities and urgency")


def _durations(activity: Activity) -> None:
    with st.container(border=True, key="durations"):
        st.subheader("How long an attempt takes", anchor=False)
        if activity.attempts is None:
            _nothing(f"No attempt has completed or failed {figures.since(activity.period)}.")
            return
        alt = "Average duration of attempts by capability, and within what 95 of 100 ended"
        rows = figures.duration_rows(activity)
        chart(charts.durations_chart(), rows, alt=alt, key="chart-durations")
        took = activity.attempts
        st.caption(
            f"Bar: on average. Mark: 95 of 100 ended within it. Over all {took.count:,} attempts: "
            f"{duration(took.mean_seconds)} and {duration(took.p95_seconds)}."
        )


def _failures(activity: Activity) -> None:
    with st.container(border=True, key="failures"):
        st.subheader("What failed, and why", anchor=False)
        rows = figures.failure_rows(activity)
        if not rows:
            _nothing(f"Nothing has failed {figures.since(activity.period)}.")
            return
        chart(charts.failures_chart(), rows, alt="Failures by kind", key="chart-failures")


def _models(activity: Activity) -> None:
    with st.container(border=True, key="models"):
        words = figures.stretch_words(activity.stretch_seconds)
        st.subheader(f"Cost per {words}", anchor=False)
        if not activity.models:
            _nothing(f"No model was called {figures.since(activity.period)}.")
            return
        spec = charts.cost_chart(clock=_CLOCKS[activity.period])
        alt = f"Cost in US dollars per {words}"
        chart(spec, figures.cost_rows(activity), alt=alt, key="chart-cost")
        _table(figures.model_table(activity.models), "What each model did and cost")
        st.caption("The whole work of an agent on one attempt counts as one call.")


def _samples(view: SystemView, parts: Sequence[tuple[str, str, str]]) -> None:
    for column, (field, title, unit) in zip(st.columns(len(parts)), parts, strict=True):
        with column:
            st.caption(title)
            rows = figures.sample_rows(view.samples, field)
            if len(rows) > 1:
                top = charts.top_of(rows, figures.LEAST[field])
                spec = charts.sample_chart(unit=unit, top=top)
                chart(spec, rows, alt=f"{title}, {unit}", key=f"chart-{field}")
            else:
                st.markdown(":gray[Measured every few seconds; nothing to draw yet.]")


def _foundations(view: SystemView) -> None:
    with st.container(border=True, key="database"):
        st.subheader("Database", anchor=False)
        if view.database:
            metrics(figures.database_figures(view.database, view.samples), "database-figures")
        _samples(
            view,
            (
                ("transactions_per_second", "Transactions", "per second"),
                ("connections", "Connections", "open"),
                ("pool_used", "This service's connections at work", "busy"),
            ),
        )
    with st.container(border=True, key="process"):
        st.subheader("Orchestrator", anchor=False)
        metrics(figures.process_figures(view), "process-figures")
        _samples(
            view,
            (
                ("cpu_percent", "CPU", "%"),
                ("memory_mb", "Memory", "MB"),
                ("lag_ms", "Event loop delay, at worst", "ms"),
            ),
        )


def _rules(violations: dict[str, int]) -> None:
    label = f"The {len(violations)} rules of the ledger, and how often each is broken"
    with st.expander(label, icon=":material/rule:", key="rules"):
        rows = [
            {"Must never be": figures.rule_words(name), "Found": count}
            for name, count in violations.items()
        ]
        _table(rows, "Rules of the ledger and how often each is broken")


def _asked(period: Period) -> SystemView | None:
    last: SystemView | None = st.session_state.get("system")
    try:
        view = client().system(period)
    except QuintetError as error:
        show_away(error, stale=last is not None)
        return last
    st.session_state["system"] = view
    return view


@st.fragment(run_every=2)
def overview(period: Period) -> None:
    """All figures, drawn anew every two seconds."""
    with st.container(key="trouble"):  # always there, so that what follows keeps its place
        view = _asked(period)
    if view is None:
        return
    _health(view)
    activity = view.activity
    if activity:
        metrics(figures.headline(view, activity), "headline")
        _throughput(activity)
    else:
        st.info("The figures are being read.", icon=":material/hourglass_top:")
    left, right = st.columns(2)
    with left:
        _queues(view)
        if activity:
            _failures(activity)
    with right:
        if activity:
            _durations(activity)
            _models(activity)
    _foundations(view)
    if view.violations:
        _rules(view.violations)


def page() -> None:
    """The period, and the figures of it."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.header("System", anchor=False, width="content")
        period = st.segmented_control(
            "Period",
            list(Period),
            default=Period.HOUR,
            required=True,
            format_func=lambda one: figures.PERIODS[one],
            label_visibility="collapsed",
            key="period",
        )
    overview(period or Period.HOUR)


page()
