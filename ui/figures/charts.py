"""How figures over time and by kind are drawn; what they mean is said in words beside them.

A chart is made once for each way of drawing, without its rows: they are handed over with it, so
that a refresh costs next to nothing and the browser only moves what has changed.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import altair as alt

from ui.figures.system_figures import BLUE, ENDINGS, HANDED_IN, RED, STANDINGS, VIOLET

BAR_HEIGHT = 190
SAMPLE_HEIGHT = 110
SPARK_HEIGHT = 42
ROW_HEIGHT = 34

Spec = dict[str, Any]

_ROWS = alt.NamedData("rows")
_PADDING = {"left": 2, "top": 4, "right": 6, "bottom": 2}


@cache
def endings_chart(*, title: str, clock: str, handed_in: bool) -> Spec:
    """What ended in each stretch of time, stacked by how; a line for what was handed in."""
    colours = {**ENDINGS, HANDED_IN: VIOLET} if handed_in else ENDINGS
    base = alt.Chart(_ROWS).encode(
        x=_time(clock),
        y=alt.Y(
            "count:Q",
            title=title,
            scale=alt.Scale(domainMin=0, nice=True),
            axis=alt.Axis(tickMinStep=1, tickCount=4),
        ),
        color=_coloured("kind", colours),
        tooltip=[
            _when(),
            alt.Tooltip("kind:N", title="What"),
            alt.Tooltip("count:Q", title="How many"),
        ],
    )
    ended = f"datum.kind !== '{HANDED_IN}'"
    bars = base.mark_bar(orient="vertical").encode(x2="end:T", order="order:O")
    line = base.mark_line(interpolate="step-after", strokeWidth=1.6)
    layered = alt.layer(bars.transform_filter(ended), line.transform_filter(f"!({ended})"))
    return _made(layered, BAR_HEIGHT)


@cache
def cost_chart(*, clock: str) -> Spec:
    """Dollars of each stretch of time."""
    axis, scale = alt.Axis(format="$~g", tickCount=4), alt.Scale(domainMin=0)
    encoded = (
        alt.Chart(_ROWS)
        .mark_bar(orient="vertical", color=BLUE)
        .encode(
            x=_time(clock),
            x2="end:T",
            y=alt.Y("dollars:Q", title="US dollars", axis=axis, scale=scale),
            tooltip=[
                _when(),
                alt.Tooltip("dollars:Q", title="Dollars", format=".4f"),
                alt.Tooltip("tokens:N", title="Tokens"),
            ],
        )
    )
    return _made(encoded, BAR_HEIGHT)


@cache
def lanes_chart() -> Spec:
    """Running and waiting subtasks, a bar for each set of capabilities."""
    encoded = (
        alt.Chart(_ROWS)
        .mark_bar(height=16)
        .encode(
            x=_times("Subtasks"),
            y=alt.Y("needs:N", title=None, sort=None, axis=_labels()),
            color=_coloured("standing", STANDINGS),
            order="order:O",
            tooltip=["needs:N", "standing:N", "count:Q"],
        )
    )
    return _made(encoded, alt.Step(ROW_HEIGHT))


@cache
def durations_chart() -> Spec:
    """The average as a bar, and a mark within which 95 of 100 attempts ended."""
    base = alt.Chart(_ROWS).encode(
        y=alt.Y("capability:N", title=None, sort=None, axis=_labels()),
        tooltip=["capability:N", "on average:N", "95 of 100:N", "attempts:Q"],
    )
    bars = base.mark_bar(color=BLUE, height=16).encode(
        x=alt.X("mean:Q", title="Seconds", axis=alt.Axis(tickCount=5))
    )
    marks = base.mark_tick(color=VIOLET, opacity=1, thickness=3, size=24).encode(x="p95:Q")
    return _made(alt.layer(bars, marks), alt.Step(ROW_HEIGHT))


@cache
def failures_chart() -> Spec:
    """How often each kind of failure."""
    encoded = (
        alt.Chart(_ROWS)
        .mark_bar(color=RED, height=16)
        .encode(
            x=_times("Times"),
            y=alt.Y("kind:N", title=None, sort=None, axis=alt.Axis(labelLimit=180)),
            tooltip=["kind:N", "attempts:Q", "tasks:Q"],
        )
    )
    return _made(encoded, alt.Step(ROW_HEIGHT))


@cache
def sample_chart(*, unit: str, top: float) -> Spec:
    """A figure over the last minutes, from zero to `top`."""
    labels = alt.Axis(grid=False, tickCount=5, labelExpr="abs(datum.value)", tickMinStep=1)
    encoded = _area(unit).encode(
        x=alt.X("minutes:Q", title="Minutes ago", axis=labels, scale=alt.Scale(nice=False)),
        y=alt.Y(
            "value:Q",
            title=unit,
            axis=alt.Axis(tickCount=3, tickMinStep=1),
            scale=alt.Scale(domain=[0, top]),
        ),
    )
    return _made(encoded, SAMPLE_HEIGHT)


@cache
def spark_chart(*, unit: str, top: float) -> Spec:
    """The same without axes, for a card."""
    encoded = _area(unit).encode(
        x=alt.X("minutes:Q", axis=None, scale=alt.Scale(nice=False)),
        y=alt.Y("value:Q", axis=None, scale=alt.Scale(domain=[0, top])),
    )
    bare = encoded.configure_view(stroke=None)
    return _made(bare, SPARK_HEIGHT, {"left": 0, "top": 2, "right": 0, "bottom": 0})


def top_of(rows: Sequence[dict[str, Any]], least: float) -> float:
    """Where an axis ends that shows at least `least`: a round number, so that it seldom moves."""
    highest: float = max([least, *(row["value"] for row in rows)])
    step: float = 10.0 ** math.floor(math.log10(highest))
    return next(step * times for times in (1, 2, 3, 5, 10) if step * times >= highest)


def _area(unit: str) -> alt.Chart:
    line = {"color": BLUE, "strokeWidth": 1.5}
    area: alt.Chart = alt.Chart(_ROWS).mark_area(line=line, color=BLUE, fillOpacity=0.16)
    tooltip = [
        alt.Tooltip("minutes:Q", title="Minutes", format=".1f"),
        alt.Tooltip("value:Q", title=unit, format=",.1f"),
    ]
    return area.encode(tooltip=tooltip)


def _time(clock: str) -> alt.X:
    axis = alt.Axis(title=None, format=clock, labelOverlap=True, tickCount=6, grid=False)
    return alt.X("start:T", axis=axis)


def _times(title: str) -> alt.X:
    return alt.X("count:Q", title=title, axis=alt.Axis(tickMinStep=1, tickCount=5))


def _when() -> alt.Tooltip:
    return alt.Tooltip("start:T", title="From", format="%d %b %H:%M")


def _labels() -> alt.Axis:
    return alt.Axis(labelLimit=150, labelExpr="split(datum.label, ', ')")


def _coloured(field: str, colours: dict[str, str]) -> alt.Color:
    return alt.Color(
        f"{field}:N",
        title=None,
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(
            orient="top", symbolType="square", labelLimit=200, columns=3, offset=6, padding=0
        ),
    )


def _made(chart: Any, height: Any, padding: dict[str, int] = _PADDING) -> Spec:
    spec: Spec = chart.properties(height=height, padding=padding).to_dict()
    del spec["data"]  # the rows come from beside it
    return spec
