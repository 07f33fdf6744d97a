"""List prices: by model, by kind of token, with the second list of long prompts."""

from decimal import Decimal

import pytest

from shared.models import ModelUsage
from shared.prices import PRICES, price_of, priced

MILLION = 1_000_000


def usage(model: str, **tokens: int) -> ModelUsage:
    """Usage of one model; tokens by kind."""
    return ModelUsage.model_validate({"model": model, **tokens})


@pytest.mark.parametrize(
    ("kind", "dollars"),
    [
        ("input_tokens", "4"),
        ("output_tokens", "20"),
        ("cache_read_tokens", "0.4"),
        ("cache_write_tokens", "5"),
    ],
)
def test_each_kind_of_token_has_its_price(kind: str, dollars: str) -> None:
    assert priced(usage("claude-opus-5-5", **{kind: MILLION})).cost_usd == Decimal(dollars)


def test_the_kinds_add_up_to_a_millionth_of_a_dollar() -> None:
    spent = usage(
        "claude-opus-5-5",
        input_tokens=11,
        output_tokens=5,
        cache_read_tokens=3,
        cache_write_tokens=2,
    )
    assert priced(spent).cost_usd == Decimal("0.000155")
    assert priced(spent).input_tokens == 11


@pytest.mark.parametrize("name", sorted(PRICES))
def test_a_dated_name_costs_what_the_plain_one_does(name: str) -> None:
    assert price_of(f"{name}-20261101") == price_of(f"{name}-latest") == PRICES[name]


@pytest.mark.parametrize("name", ["", "gpt", "claude-opus", "claude-opus-5-9", "claude-opus-5x"])
def test_a_model_that_is_not_listed_has_no_price(name: str) -> None:
    assert price_of(name) is None
    spent = usage(name, input_tokens=MILLION)
    assert priced(spent) == spent


@pytest.mark.parametrize(("prompt", "dollars"), [(100_000, "0.01"), (100_001, "0.050000")])
def test_a_long_prompt_is_dearer_and_cached_tokens_count_as_prompt(
    prompt: int, dollars: str
) -> None:
    spent = usage("claude-haiku-5-5", input_tokens=prompt)
    assert priced(spent).cost_usd == pytest.approx(Decimal(dollars), abs=Decimal("0.000001"))
    cached = usage("claude-haiku-5-5", cache_read_tokens=100_000, output_tokens=MILLION)
    assert priced(cached).cost_usd == Decimal("0.501")
    longer = cached.model_copy(update={"input_tokens": 1})
    assert priced(longer).cost_usd == Decimal("2.505")
