"""What an agent tells of its attempts: how they ended, and what was looked at on the way."""

from agent.claude_events import ApiRetried, SessionEvent, TurnEnded
from agent.outcome import Failed, Outcome, spent_on
from shared import metrics
from shared.database.subtasks import route_of
from shared.models import Assignment, Verification


def attempt_ended(
    assignment: Assignment, outcome: Outcome, *, role: str, accepted: bool, seconds: float
) -> None:
    """An attempt is over; one that the ledger did not accept was fenced, whatever it did."""
    ending = type(outcome).__name__.lower() if accepted else "fenced"
    kind = outcome.kind if isinstance(outcome, Failed) else "none"
    metrics.ATTEMPTS.labels(ending, kind, role).inc()
    route = route_of(assignment.required_capabilities)
    metrics.ATTEMPT_SECONDS.labels(ending, route).observe(seconds)
    if (verification := spent_on(outcome).verification) is not None:
        _looked_at(verification)


def session_said(event: SessionEvent, model: str) -> None:
    """Something happened in a session: the model answered, or did not."""
    match event:
        case TurnEnded():
            metrics.call_ended("agent", model, "answered")
        case ApiRetried(status=status):
            metrics.refused(status)


def _looked_at(verification: Verification) -> None:
    for look in verification.rounds:
        for check in look.checks:
            metrics.CHECKS.labels(check.kind, check.outcome).inc()
        if look.review is not None:
            metrics.REVIEWS.labels(look.review.verdict).inc()
    for correction in verification.corrections:
        metrics.CORRECTIONS.labels(correction.doubt, correction.outcome).inc()
