"""Every figure that a service tells Prometheus: all names, labels and buckets, in one place.

A label's values come from a small closed set (statuses, capabilities, kinds, models), never from
an id or a text: the number of series must not grow with tasks. Each process counts what it did
itself, so counters are summed over processes; gauges of the ledger are the same in every
orchestrator, so of those the greatest is taken.
"""

from collections.abc import Container, Iterable, Sequence
from typing import Any
from uuid import UUID

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from shared.models import ModelUsage
from shared.states import SUBTASK_TRANSITIONS, TASK_TERMINAL, TASK_TRANSITIONS

CONTENT_TYPE = CONTENT_TYPE_LATEST
REGISTRY = CollectorRegistry(auto_describe=True)
disable_created_metrics()  # type: ignore[no-untyped-call]
ProcessCollector(namespace="quintet", registry=REGISTRY)

_INSTANT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_WORK = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_TASK = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600)
_CALL = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
_MOST_ENDED, _TRIES = 10_000, 3
_MOST_MODELS = 16  # an endpoint may answer in any name


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"quintet_{name}", about, labels, registry=REGISTRY)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    return Gauge(f"quintet_{name}", about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, *labels: str, buckets: Sequence[float]) -> Histogram:
    return Histogram(f"quintet_{name}", about, labels, registry=REGISTRY, buckets=buckets)


# --- moves of tasks and subtasks -----------------------------------------------------------
TASK_MOVES = _counter(
    "task_transitions_total", "Tasks moved by this process", "transition", "status"
)
SUBTASK_MOVES = _counter(
    "subtask_transitions_total", "Subtasks moved by this process", "transition", "status"
)
TASK_SECONDS = _histogram(
    "task_duration_seconds", "From submission to the end, by how it ended", "status", buckets=_TASK
)
LOST = _counter("attempts_lost_total", "Attempts taken from silent agents", "ending")
TAKEN_OVER = _counter(
    "steps_taken_over_total", "Steps of tasks taken from a silent orchestrator", "status"
)
RUNG_AGAIN = _counter("bells_rung_again_total", "Subtasks queued so long that a bell was repeated")

# --- attempts ------------------------------------------------------------------------------
ATTEMPTS = _counter(
    "attempts_total", "Attempts that ended in this process", "outcome", "failure_kind", "role"
)
ATTEMPT_SECONDS = _histogram(
    "attempt_duration_seconds",
    "From claim to settlement, by how it ended and the set of capabilities it needed",
    "outcome",
    "capabilities",
    buckets=_WORK,
)
SLOTS = _gauge("slots", "What this agent can do at once", "state")
CHECKS = _counter("checks_total", "Machine checks carried out", "kind", "outcome")
CORRECTIONS = _counter("corrections_total", "Results sent back to their agent", "doubt", "outcome")
REVIEWS = _counter("reviews_total", "Results judged by a reviewer", "verdict")

# --- the model -----------------------------------------------------------------------------
CALLS = _counter(
    "model_calls_total", "Answers of the model, or how none came", "purpose", "model", "outcome"
)
CALL_SECONDS = _histogram(
    "model_call_duration_seconds",
    "Direct calls that were answered",
    "purpose",
    "model",
    buckets=_CALL,
)
TOKENS = _counter("model_tokens_total", "Tokens", "purpose", "model", "kind")
COST = _counter("model_cost_dollars_total", "List price of those tokens", "purpose", "model")
MODEL_ERRORS = _counter(
    "model_errors_total", "Requests that the model's endpoint refused, retried ones too", "status"
)
SIMULATED = _gauge("model_simulated", "1: a script plays the model, prices mean nothing")

# --- the process and its doors -------------------------------------------------------------
REQUESTS = _counter("http_requests_total", "Requests answered", "method", "route", "status")
REQUEST_SECONDS = _histogram(
    "http_request_duration_seconds",
    "Until the answer began",
    "method",
    "route",
    buckets=_INSTANT,
)
LAG = _histogram(
    "loop_lag_seconds", "How late the event loop woke what slept for 0.1 s", buckets=_INSTANT
)
POOL = _gauge("pool_connections", "Connections to PostgreSQL", "state")
POOL_WAITING = _gauge("pool_waiting", "Who waits for a connection")
POOL_WAIT = _histogram("pool_wait_seconds", "Wait for a connection", buckets=_INSTANT)
STATEMENTS = _counter(
    "database_statements_total", "Statements run by name, by what came of them", "outcome"
)
REDIS = _gauge("redis_connected", "1: Redis answered last time, 0: work goes on without bells")

# --- what the ledger holds; the same in every orchestrator ---------------------------------
TASKS = _gauge("tasks", "Tasks by status", "status")
SUBTASKS = _gauge("subtasks", "Subtasks of tasks that have not ended", "status")
QUEUED = _gauge("queue_depth", "Subtasks that may be claimed", "capabilities", "band")
OLDEST = _gauge("queue_oldest_seconds", "Age of the oldest of them", "capabilities", "band")
LEASES = _gauge("leases", "Leases of attempts and of steps of tasks", "kind", "state")
VIOLATIONS = _gauge(
    "invariant_violations",
    "What must not be, and is, in the 500 tasks that changed last; always 0",
    "invariant",
)
LEDGER_READ_AT = _gauge(
    "ledger_read_timestamp_seconds", "PostgreSQL's clock when this was last read", "part"
)
LEDGER_READ_SECONDS = _histogram(
    "ledger_read_duration_seconds", "What reading these gauges costs", "part", buckets=_INSTANT
)


class Moves:
    """Counts the ledger's transitions; each is one statement of its name that returns its rows.

    The tasks that this process ended are kept until their durations are known. What is rolled
    back after its statement is counted all the same, but has no duration.
    """

    def __init__(self) -> None:
        self._counters = {
            edge.name: counter.labels(edge.name, edge.target)
            for counter, edges in (
                (TASK_MOVES, TASK_TRANSITIONS),
                (SUBTASK_MOVES, SUBTASK_TRANSITIONS),
            )
            for edge in edges
        }
        self._endings = {edge.name for edge in TASK_TRANSITIONS if edge.target in TASK_TERMINAL}
        self._ended: dict[UUID, int] = {}  # how often each was asked for in vain

    def note(self, statement: str, rows: Sequence[Any]) -> None:
        """A statement returned these rows, each with an `id` if it is a transition."""
        if rows and statement in self._counters:
            self._counters[statement].inc(len(rows))
            if statement in self._endings:
                room = _MOST_ENDED - len(self._ended)
                self._ended |= {row["id"]: 0 for row in rows[: max(0, room)]}

    def ended_tasks(self) -> list[UUID]:
        """Those whose durations are not known yet."""
        return list(self._ended)

    def answered(self, asked: Iterable[UUID], found: Container[UUID]) -> None:
        """Forget those found, and those asked for too often: they were rolled back."""
        for task_id in asked:
            tries = self._ended.pop(task_id, _TRIES) + 1
            if task_id not in found and tries < _TRIES:
                self._ended[task_id] = tries


MOVES = Moves()


class ModelNames:
    """Names of models as labels: the first few as they are, more as `other`."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def label(self, name: str) -> str:
        """The name to count under."""
        if len(self._known) < _MOST_MODELS:
            self._known.add(name)
        return name if name in self._known else "other"


_MODELS = ModelNames()


def call_ended(purpose: str, model: str, outcome: str, seconds: float | None = None) -> None:
    """One call: `outcome` is `answered`, `invalid`, or the name of our error."""
    CALLS.labels(purpose, _MODELS.label(model), outcome).inc()
    if seconds is not None:
        CALL_SECONDS.labels(purpose, _MODELS.label(model)).observe(seconds)


def spent(purpose: str, usage: Iterable[ModelUsage]) -> None:
    """Tokens and dollars of calls."""
    for each in usage:
        model = _MODELS.label(each.model)
        for kind, tokens in (
            ("input", each.input_tokens),
            ("output", each.output_tokens),
            ("cache_read", each.cache_read_tokens),
            ("cache_write", each.cache_write_tokens),
        ):
            TOKENS.labels(purpose, model, kind).inc(tokens)
        COST.labels(purpose, model).inc(float(each.cost_usd))


def refused(status: int | None) -> None:
    """A request to the model's endpoint failed with this HTTP status, or without one."""
    if status is None:
        MODEL_ERRORS.labels("none").inc()
    else:
        MODEL_ERRORS.labels(status if 400 <= status < 600 else "other").inc()


def render() -> bytes:
    """All figures of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)
