"""What every attempt of an agent process shares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.profiles import Profile


@dataclass(frozen=True, slots=True)
class Runtime:
    """Places, models and walls of one agent process."""

    profile: Profile
    model: str
    fallback_model: str | None
    files: Path
    scratch: Path
    environment: Mapping[str, str]
    sandbox: bool
    hidden: tuple[Path, ...]
    attempt_seconds: float
    marker: str  # in the environment of every process of every attempt
