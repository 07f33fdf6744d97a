""".env.example, docker-compose.yml and shared/config.py name the same settings."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic_settings import BaseSettings

from shared import config

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")
SETTING = re.compile(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
APART = "# --- Without containers only"

CLASSES = [
    kind
    for kind in vars(config).values()
    if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.model_fields
]
ALIASES = {str(field.alias) for kind in CLASSES for field in kind.model_fields.values()}


def names(text: str) -> set[str]:
    return {name for _, name, _ in SETTING.findall(text)}


def used_in_compose() -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", COMPOSE))


def read_by_the_code() -> set[str]:
    """Names in capitals that stand in quotes somewhere in the programs."""
    sources = [path for folder in ("ui", "scripts") for path in (ROOT / folder).rglob("*.py")]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    return set(re.findall(r"[\"']([A-Z][A-Z0-9_]+)[\"']", text))


def test_each_setting_is_listed_once() -> None:
    listed = [name for _, name, _ in SETTING.findall(EXAMPLE)]
    assert sorted(listed) == sorted(set(listed))


def test_the_example_lists_every_setting() -> None:
    assert ALIASES - names(EXAMPLE) == set()


def test_the_example_lists_every_variable_of_the_compose_file() -> None:
    assert used_in_compose() - names(EXAMPLE) == set()


def test_the_example_lists_nothing_else() -> None:
    assert names(EXAMPLE) - ALIASES - used_in_compose() - read_by_the_code() == set()


def test_a_setting_reaches_the_containers_or_is_said_not_to() -> None:
    here, there = EXAMPLE.split(APART)
    assert names(here) == used_in_compose()
    assert not names(there) & used_in_compose()


def test_only_what_has_no_default_is_to_be_filled_in() -> None:
    open_ = {name: value for mark, name, value in SETTING.findall(EXAMPLE) if not mark}
    assert open_ == {"ANTHROPIC_API_KEY": "", "POSTGRES_PASSWORD": "", "VALKEY_PASSWORD": ""}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_defaults_that_are_shown_are_the_real_ones(
    kind: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for alias in ALIASES:
        monkeypatch.delenv(alias, raising=False)
    shown = {name: value for _, name, value in SETTING.findall(EXAMPLE)}
    required: dict[str, Any] = {"DATABASE_URL": "postgresql://u:p@h/d"}
    plain = kind(_env_file=None, **required)
    for alias, value in shown.items():
        if alias in ALIASES:
            monkeypatch.setenv(alias, value)
    assert kind(_env_file=None, **required) == plain
