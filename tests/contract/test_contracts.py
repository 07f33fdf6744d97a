"""What is committed under docs/contracts is what the services say of themselves."""

from pathlib import Path

import pytest

from scripts.render_contracts import APPS, render, stale, write


def test_the_committed_contracts_are_fresh() -> None:
    assert stale() == [], "run python -m scripts.render_contracts"


def test_a_changed_contract_is_noticed(tmp_path: Path) -> None:
    assert stale(tmp_path) == sorted(APPS, reverse=True)
    write(tmp_path)
    assert stale(tmp_path) == []
    path = tmp_path / "agent.json"
    path.write_text(path.read_text("utf-8").replace("409", "410"), "utf-8")
    assert stale(tmp_path) == ["agent.json"]


@pytest.mark.parametrize("name", APPS)
def test_rendering_is_stable(name: str) -> None:
    assert render(APPS[name]()) == render(APPS[name]())
    assert "HTTPValidationError" not in render(APPS[name]())
