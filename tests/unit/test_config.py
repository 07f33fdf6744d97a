"""Settings come from the environment alone, say what is wrong, and keep secrets."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared import config

EVERY: list[type[config._Settings]] = [
    config.DatabaseSettings,
    config.QueueSettings,
    config.ModelSettings,
    config.LeaseSettings,
    config.WorkspaceSettings,
    config.LogSettings,
    config.OrchestratorSettings,
    config.AgentSettings,
    config.VerificationSettings,
    config.EmbeddingSettings,
]
URL = "postgresql://ann:s3cret@db:5432/quintet?sslmode=require"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment and a folder without any setting."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("QUINTET_ENV_FILE")
    for settings in EVERY:
        for field in settings.model_fields.values():
            monkeypatch.delenv(str(field.alias), raising=False)
    return monkeypatch


def test_every_setting_has_a_name_of_its_own() -> None:
    names = [str(field.alias) for settings in EVERY for field in settings.model_fields.values()]
    assert len(names) == len(set(names))
    assert all(name.isupper() for name in names)


def test_only_the_ledger_must_be_named(bare: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="DATABASE_URL"):
        config.DatabaseSettings()
    bare.setenv("DATABASE_URL", URL)
    for settings in EVERY:
        settings()


def test_the_agents_data_lie_beside_the_ledger_unless_said(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("DATABASE_URL", URL)
    settings = config.DatabaseSettings()
    assert settings.url == URL
    assert settings.data_url == URL.replace("/quintet?", "/quintet_data?")
    assert (settings.pool_min, settings.pool_max) == (2, 20)
    bare.setenv("DATA_DATABASE_URL", "postgresql://elsewhere/x")
    assert config.DatabaseSettings().data_url == "postgresql://elsewhere/x"


def test_secrets_are_not_shown(bare: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "ANTHROPIC_API_KEY", "VOYAGE_API_KEY"):
        bare.setenv(name, "s3cret")
    assert config.QueueSettings().url == "s3cret"
    assert config.ModelSettings().api_key.get_secret_value() == "s3cret"
    for settings in EVERY:
        assert "s3cret" not in repr(settings())
        assert "s3cret" not in settings().model_dump_json()


def test_an_empty_value_is_no_value(bare: pytest.MonkeyPatch) -> None:
    bare.setenv("ORCHESTRATOR_PORT", "")
    bare.setenv("ANTHROPIC_BASE_URL", "")
    assert config.OrchestratorSettings().port == 8000
    assert config.ModelSettings().base_url is None


@pytest.mark.parametrize("text", ["a+b", "a,b", " a , b ", "a+b,"])
def test_capabilities_are_written_as_people_do(bare: pytest.MonkeyPatch, text: str) -> None:
    bare.setenv("AGENT_CAPABILITIES", text)
    assert config.AgentSettings().capabilities == ("a", "b")


def test_limits_per_role(bare: pytest.MonkeyPatch) -> None:
    assert config.AgentSettings().max_running_per_role == {}
    bare.setenv("MAX_RUNNING_PER_ROLE", "analyst=2, engineer=1")
    assert config.AgentSettings().max_running_per_role == {"analyst": 2, "engineer": 1}
    bare.setenv("MAX_RUNNING_PER_ROLE", "analyst")
    with pytest.raises(ValidationError, match="role=limit"):
        config.AgentSettings()


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (config.DatabaseSettings, "DATABASE_POOL_MAX", "0"),
        (config.OrchestratorSettings, "ORCHESTRATOR_PORT", "70000"),
        (config.OrchestratorSettings, "MAX_CONTEXT_BYTES", "50MB"),
        (config.AgentSettings, "AGENT_CONCURRENCY", "0"),
        (config.AgentSettings, "AGENT_SANDBOX", "maybe"),
        (config.LeaseSettings, "LEASE_SECONDS", "-1"),
        (config.LogSettings, "LOG_LEVEL", "loud"),
        (config.EmbeddingSettings, "EMBEDDING_PROVIDER", "magic"),
    ],
)
def test_a_value_that_cannot_be_is_named(
    bare: pytest.MonkeyPatch, settings: type[config._Settings], name: str, value: str
) -> None:
    bare.setenv("DATABASE_URL", URL)
    bare.setenv(name, value)
    with pytest.raises(ValidationError, match=name):
        settings()


def test_a_file_is_read_and_the_environment_wins(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LEASE_SECONDS=7\nMAX_LOSSES=2\nUNKNOWN=1\n", "utf-8")
    bare.setenv("MAX_LOSSES", "4")
    settings = config.LeaseSettings()
    assert (settings.lease_seconds, settings.max_losses) == (7, 4)


def test_another_file_may_be_named(bare: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LEASE_SECONDS=7\n", "utf-8")
    (tmp_path / "mine").write_text("LEASE_SECONDS=8\n", "utf-8")
    bare.setenv("QUINTET_ENV_FILE", "mine")
    assert config.LeaseSettings().lease_seconds == 8


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        config.LogSettings().level = "debug"  # type: ignore[misc]  # that it cannot be is the test


def test_hidden_paths_may_hold_spaces_and_plus_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_HIDDEN_DIRS", "/srv/my data+old:/srv/.env")
    assert config.AgentSettings().hidden == (Path("/srv/my data+old"), Path("/srv/.env"))
