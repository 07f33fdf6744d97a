"""Settings, one frozen class per concern, read once in each `__main__` and passed down as values.

Every field's environment variable is its alias; `.env.example` lists them all. What the environment
does not say is read from `.env`, or from the file that QUINTET_ENV_FILE names; empty means none.
"""

import os
import tempfile
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

ReviewPolicy = Literal["off", "sampled", "always"]
Fraction = Annotated[float, Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


def _words(value: object) -> object:
    """`a, b` as well as `a+b` names two things."""
    if isinstance(value, str):
        return tuple(word for word in value.replace("+", ",").replace(" ", "").split(",") if word)
    return value


def _paths(value: object) -> object:
    """`/one:/two`, as in PATH."""
    if isinstance(value, str):
        return tuple(path for path in value.split(os.pathsep) if path)
    return value


def _limits(value: object) -> object:
    """`analyst=2,engineer=1` as a mapping."""
    if isinstance(value, str):
        pairs = [pair.split("=", 1) for pair in value.replace(" ", "").split(",") if pair]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("write it as role=limit,role=limit")
        return dict(pairs)
    return value


def env_file() -> Path | None:
    """The file of settings, relative to the working directory; None when there shall be none."""
    name = os.environ.get("QUINTET_ENV_FILE", ".env")
    return Path(name) if name else None


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then the file that it names now: one process may be told of none."""
        file = DotEnvSettingsSource(settings_cls, env_file=env_file())
        return init_settings, env_settings, file


class DatabaseSettings(_Settings):
    """PostgreSQL: the ledger, and beside it the agents' own data."""

    ledger: SecretStr = Field(alias="DATABASE_URL")
    data: SecretStr | None = Field(default=None, alias="DATA_DATABASE_URL")
    data_secret: SecretStr | None = Field(default=None, alias="DATA_SECRET")
    pool_min: Count = Field(default=2, alias="DATABASE_POOL_MIN")
    pool_max: Count = Field(default=20, alias="DATABASE_POOL_MAX")

    @property
    def url(self) -> str:
        """The ledger's URL, password and all."""
        return self.ledger.get_secret_value()

    @property
    def data_url(self) -> str:
        """The URL of the agents' data: its own, or `quintet_data` on the ledger's server."""
        if self.data is not None:
            return self.data.get_secret_value()
        return urlunsplit(urlsplit(self.url)._replace(path="/quintet_data"))

    @property
    def secret(self) -> str:
        """What the passwords of tasks' roles derive from; the same in every agent process."""
        if self.data_secret is not None:
            return self.data_secret.get_secret_value()
        return urlsplit(self.data_url).password or self.data_url


class QueueSettings(_Settings):
    """Redis or Valkey: bells and presence, never the truth."""

    redis: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), alias="REDIS_URL")

    @property
    def url(self) -> str:
        """The server's URL, password and all."""
        return self.redis.get_secret_value()


class ModelSettings(_Settings):
    """Which model, where, and with which key."""

    api_key: SecretStr = Field(default=SecretStr(""), alias="ANTHROPIC_API_KEY")
    base_url: str | None = Field(default=None, alias="ANTHROPIC_BASE_URL")
    planner: str = Field(default="claude-opus-5-5", alias="PLANNER_MODEL")
    aggregator: str = Field(default="claude-sonnet-5-5", alias="AGGREGATOR_MODEL")
    agent: str = Field(default="claude-sonnet-5-5", alias="AGENT_MODEL")
    reviewer: str = Field(default="claude-sonnet-5-5", alias="REVIEWER_MODEL")
    fallback: str | None = Field(default="claude-haiku-5-5", alias="FALLBACK_MODEL")
    timeout_seconds: Seconds = Field(default=120, alias="MODEL_TIMEOUT_SECONDS")
    max_retries: int = Field(default=3, ge=0, alias="MODEL_MAX_RETRIES")


class LeaseSettings(_Settings):
    """How long silence is forgiven; the same for every process of one installation."""

    lease_seconds: Seconds = Field(default=60, alias="LEASE_SECONDS")
    heartbeat_seconds: Seconds = Field(default=10, alias="HEARTBEAT_SECONDS")
    max_losses: Count = Field(default=3, alias="MAX_LOSSES")


class WorkspaceSettings(_Settings):
    """Where tasks keep their files; every service sees the same folder."""

    root: Path = Field(default=Path("shared_files"), alias="SHARED_FILES_DIR")


class LogSettings(_Settings):
    """How the services speak of themselves."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", alias="LOG_LEVEL")
    format: Literal["json", "text"] = Field(default="json", alias="LOG_FORMAT")


class OrchestratorSettings(_Settings):
    """The orchestrator's address, limits and pace."""

    host: str = Field(default="127.0.0.1", alias="ORCHESTRATOR_HOST")
    port: int = Field(default=8000, ge=0, le=65_535, alias="ORCHESTRATOR_PORT")
    max_files: Count = Field(default=20, alias="MAX_CONTEXT_FILES")
    max_upload_bytes: Count = Field(default=50 * 1024 * 1024, alias="MAX_CONTEXT_BYTES")
    require_approval: bool = Field(default=False, alias="REQUIRE_APPROVAL")
    planning_slots: Count = Field(default=4, alias="PLANNING_CONCURRENCY")
    sweep_seconds: Seconds = Field(default=1, alias="SWEEP_SECONDS")
    rescue_seconds: Seconds = Field(default=5, alias="RESCUE_SECONDS")
    event_retention_days: int = Field(default=30, ge=0, le=36_500, alias="EVENT_RETENTION_DAYS")


class AgentSettings(_Settings):
    """One agent process."""

    agent_id: str = Field(default="", alias="AGENT_ID")
    profile: str = Field(default="analyst", alias="AGENT_PROFILE")
    capabilities: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = Field(
        default=(), alias="AGENT_CAPABILITIES"
    )
    host: str = Field(default="127.0.0.1", alias="AGENT_HOST")
    port: int = Field(default=8001, ge=0, le=65_535, alias="AGENT_PORT")
    url: str = Field(default="", alias="AGENT_URL")
    concurrency: Count = Field(default=2, alias="AGENT_CONCURRENCY")
    executor: str = Field(default="agent.executor:ClaudeExecutor", alias="AGENT_EXECUTOR")
    sandbox: Literal["auto", "on", "off"] = Field(default="auto", alias="AGENT_SANDBOX")
    allow_private_addresses: bool = Field(default=False, alias="AGENT_ALLOW_PRIVATE_ADDRESSES")
    drain_seconds: Seconds = Field(default=45, alias="DRAIN_SECONDS")
    attempt_seconds: Seconds = Field(default=300, alias="ATTEMPT_SECONDS")
    max_running: int = Field(default=0, ge=0, alias="MAX_RUNNING")
    max_running_per_role: Annotated[dict[str, int], NoDecode, BeforeValidator(_limits)] = Field(
        default_factory=dict, alias="MAX_RUNNING_PER_ROLE"
    )
    hidden: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_paths)] = Field(
        default=(), alias="AGENT_HIDDEN_DIRS"
    )
    local_scratch: Path = Field(default=Path(tempfile.gettempdir()), alias="AGENT_SCRATCH_DIR")


class VerificationSettings(_Settings):
    """How hard a result is looked at; the same for every process of one installation."""

    max_corrections: int = Field(default=3, ge=0, alias="MAX_CORRECTIONS")
    check_seconds: Seconds = Field(default=120, alias="CHECK_SECONDS")
    check_http: bool = Field(default=False, alias="CHECK_HTTP")
    review: ReviewPolicy = Field(default="off", alias="REVIEW")
    review_share: Fraction = Field(default=0.2, alias="REVIEW_SHARE")


class EmbeddingSettings(_Settings):
    """Who turns text into vectors for the agents' search."""

    provider: Literal["hashing", "voyage"] = Field(default="hashing", alias="EMBEDDING_PROVIDER")
    voyage_key: SecretStr = Field(default=SecretStr(""), alias="VOYAGE_API_KEY")
    voyage_model: str = Field(default="voyage-4", alias="VOYAGE_MODEL")
