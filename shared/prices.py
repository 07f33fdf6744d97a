"""What calls cost: list prices per million tokens, by model, with their own cache columns."""

import re
from dataclasses import dataclass
from decimal import Decimal

from shared.models import ModelUsage


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal


def _price(tokens_in: str, tokens_out: str, read_factor: str = "0.1") -> Price:
    base = Decimal(tokens_in)
    return Price(base, Decimal(tokens_out), base * Decimal(read_factor), base * Decimal("1.25"))


PRICES: dict[str, Price] = {
    "claude-opus-5-5": _price("4", "20"),
    "claude-sonnet-5-5": _price("2", "10"),
    "claude-haiku-5-5": _price("0.10", "0.50"),
    "claude-fable-5-2": _price("8", "40", "0.05"),
    "claude-sonnet-5": _price("2", "10"),
    "claude-opus-5": _price("5", "25"),
    "claude-haiku-4-5": _price("1", "5"),
}
_MILLION = Decimal(1_000_000)
_DATED = re.compile(r"-(?:\d{8}|latest)$")
# Above 100,000 tokens of prompt this model has a second list.
_LONG_PROMPT = {"claude-haiku-5-5": (100_000, _price("0.50", "2.50"))}


def price_of(model: str, prompt_tokens: int = 0) -> Price | None:
    """The list price of a model, dated suffixes allowed; None when it is not known."""
    name = _DATED.sub("", model)
    limit, longer = _LONG_PROMPT.get(name, (0, None))
    return longer if longer and prompt_tokens > limit else PRICES.get(name)


def priced(usage: ModelUsage) -> ModelUsage:
    """The usage with its list price; zero for a model whose price is not known."""
    prompt = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    price = price_of(usage.model, prompt)
    if price is None:
        return usage
    cost = (
        usage.input_tokens * price.input
        + usage.output_tokens * price.output
        + usage.cache_read_tokens * price.cache_read
        + usage.cache_write_tokens * price.cache_write
    ) / _MILLION
    return usage.model_copy(update={"cost_usd": round(cost, 6)})
