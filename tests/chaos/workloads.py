"""Plans for storms."""

import random

from shared.models import Plan
from tests.ledger_world import plan_of, planned

DIAMOND = {"a": "", "b": "", "c": "a", "d": "ab", "e": "cd", "f": "e"}
CHAIN = {"a": "", "b": "a", "c": "b"}
PAIR = {"a": "", "b": "a"}


def shaped(shape: dict[str, str], dice: random.Random, shortest: int, longest: int) -> Plan:
    """What each waits for, by its key; milliseconds of work each."""
    return plan_of(
        *(
            planned(key, *after, estimated_duration=dice.randint(shortest, longest))
            for key, after in shape.items()
        )
    )
