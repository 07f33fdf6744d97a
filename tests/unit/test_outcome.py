"""What is told of an attempt that ended, or was stopped."""

from decimal import Decimal

import pytest

from agent.outcome import (
    Cancelled,
    Completed,
    Failed,
    Fenced,
    Outcome,
    Released,
    Spent,
    sentence,
    spent_on,
    stopped,
)
from shared.errors import ConfigurationError
from shared.models import AgentResult, ModelUsage, Verification
from shared.states import FailureKind

USAGE = (ModelUsage(model="m", input_tokens=3, cost_usd=Decimal("0.1")),)
RECORD = Verification()
SPENT = Spent(USAGE, RECORD)


@pytest.mark.parametrize(
    "outcome",
    [
        Completed(AgentResult(summary="done"), (), USAGE, RECORD),
        Failed(FailureKind.CHECKS, "no", USAGE, RECORD),
        Cancelled(USAGE, RECORD),
        Released(USAGE, RECORD),
    ],
)
def test_every_outcome_tells_what_it_cost(outcome: Outcome) -> None:
    assert spent_on(outcome) == SPENT


def test_who_was_stopped_has_spent_what_it_had_until_then() -> None:
    assert stopped(Cancelled(), SPENT) == Cancelled(USAGE, RECORD)
    assert stopped(Released(), SPENT) == Released(USAGE, RECORD)


def test_of_a_fenced_attempt_nothing_is_told() -> None:
    assert stopped(Fenced(), SPENT) == Fenced()
    assert spent_on(Fenced()) == Spent()


def test_an_error_without_a_remedy_has_no_empty_brackets() -> None:
    assert sentence(ConfigurationError("no key")) == "no key"
    assert sentence(ConfigurationError("no key", remedy="set it")) == "no key (set it)"
