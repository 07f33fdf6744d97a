"""A person's own settings, in a file beside the code, reach no test and no program of one."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.stack.settings import StackSettings
from shared import config
from tests.e2e.stack_world import compose

ROOT = Path(__file__).parents[2]
HOSTILE = "REQUIRE_APPROVAL=true\nEMBEDDING_PROVIDER=voyage\nDATABASE_URL=postgresql://real/real\n"
ASKED = "from shared import config; print(config.OrchestratorSettings().require_approval)"


@pytest.fixture(autouse=True)
def beside_hostile_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(HOSTILE, "utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("REQUIRE_APPROVAL", "EMBEDDING_PROVIDER", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_they_reach_no_test(tmp_path: Path) -> None:
    assert not config.OrchestratorSettings().require_approval
    assert config.EmbeddingSettings().provider == "hashing"
    assert "DATABASE_URL" not in StackSettings.load(tmp_path).environment


def test_they_reach_no_program_of_the_stack_under_test(tmp_path: Path) -> None:
    stack = compose(tmp_path, "postgresql://test/test", "redis://test")
    seen = subprocess.run(
        (sys.executable, "-c", ASKED),
        env={**stack.basis, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout == "False\n"


def test_without_our_care_they_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUINTET_ENV_FILE")
    assert config.OrchestratorSettings().require_approval
