"""When what ran: one bar a subtask."""

from datetime import datetime
from typing import Any

import altair as alt

from shared.models import TaskView
from ui.views import SUBTASK_BADGES, duration, elapsed, one_line

ROW_HEIGHT = 28
COLOURS = {
    "Running": "#3b82f6",
    "Completed": "#22a06b",
    "Failed": "#e5484d",
    "Cancelled": "#8a8f9d",
}


def timeline_rows(task: TaskView, at: datetime) -> list[dict[str, Any]]:
    """Seconds after the task's start at which each subtask's last attempt began and ended."""
    rows = []
    for subtask in task.subtasks:
        if subtask.started_at is None:
            continue
        begun = (subtask.started_at - task.created_at).total_seconds()
        spent = elapsed(subtask.started_at, subtask.finished_at, at) or 0.0
        rows.append(
            {
                "subtask": one_line(subtask.title, 60),
                "begin": begun,
                "end": begun + max(spent, 0.2),
                "status": SUBTASK_BADGES[subtask.status].label,
                "agent": subtask.agent_id or "",
                "took": duration(spent),
            }
        )
    return sorted(rows, key=lambda row: (row["begin"], row["subtask"]))


def timeline_chart(rows: list[dict[str, Any]]) -> alt.Chart:
    """The rows as bars on an axis of seconds."""
    chart = alt.Chart(alt.InlineData(values=rows)).mark_bar(cornerRadius=4, height=14)
    encoded = chart.encode(
        x=alt.X("begin:Q", title="Seconds since it was handed in", axis=alt.Axis(tickMinStep=1)),
        x2="end:Q",
        y=alt.Y("subtask:N", sort=None, title=None, axis=alt.Axis(labelLimit=230)),
        color=alt.Color(
            "status:N",
            title=None,
            scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=["subtask:N", "agent:N", "status:N", "took:N"],
    )
    sized: alt.Chart = encoded.properties(
        height=alt.Step(ROW_HEIGHT), padding={"left": 5, "top": 5, "right": 18, "bottom": 5}
    )
    return sized
