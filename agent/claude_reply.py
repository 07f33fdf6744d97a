"""What came out of one question to a session, and what it cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from claude_agent_sdk import ResultMessage

from shared.errors import MalformedOutput
from shared.models import ModelUsage


@dataclass(frozen=True, slots=True)
class SessionReply:
    """A structured answer; `usage` is this question's alone, also what subagents used."""

    output: dict[str, Any]
    usage: tuple[ModelUsage, ...]
    turns: int
    seconds: float
    session_id: str


class Meter:
    """The CLI counts tokens and dollars from the session's start: this tells the differences."""

    def __init__(self) -> None:
        self._spent: dict[str, ModelUsage] = {}

    @property
    def spent(self) -> tuple[ModelUsage, ...]:
        """All of the session so far."""
        return tuple(self._spent.values())

    def read(self, result: ResultMessage) -> tuple[ModelUsage, ...]:
        """What was used since the last reading."""
        before = self._spent
        self._spent = {**before, **_totals(result.model_usage or {})}
        changes = (_minus(total, before.get(model)) for model, total in self._spent.items())
        return tuple(change for change in changes if change != ModelUsage(model=change.model))


def _totals(usage: Mapping[str, Any]) -> dict[str, ModelUsage]:
    return {
        model: ModelUsage(
            model=model,
            input_tokens=counted["inputTokens"],
            output_tokens=counted["outputTokens"],
            cache_read_tokens=counted["cacheReadInputTokens"],
            cache_write_tokens=counted["cacheCreationInputTokens"],
            cost_usd=round(Decimal(str(counted["costUSD"])), 8),
        )
        for model, counted in usage.items()
    }


def _minus(total: ModelUsage, before: ModelUsage | None) -> ModelUsage:
    if before is None:
        return total
    return ModelUsage(
        model=total.model,
        input_tokens=total.input_tokens - before.input_tokens,
        output_tokens=total.output_tokens - before.output_tokens,
        cache_read_tokens=total.cache_read_tokens - before.cache_read_tokens,
        cache_write_tokens=total.cache_write_tokens - before.cache_write_tokens,
        cost_usd=total.cost_usd - before.cost_usd,
    )


def reply_of(result: ResultMessage, usage: tuple[ModelUsage, ...]) -> SessionReply:
    """The reply, or MalformedOutput: a model that never gives its result still "succeeds"."""
    output = result.structured_output
    if not isinstance(output, dict):
        raise MalformedOutput(
            "The agent ended without giving a structured result.",
            remedy="Retry; if it happens again, say more plainly what the result must hold.",
            usage=usage,
        )
    return SessionReply(
        output=output,
        usage=usage,
        turns=result.num_turns,
        seconds=result.duration_ms / 1000,
        session_id=result.session_id,
    )
