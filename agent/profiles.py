"""The agents as data: what each can do, how it is spoken to, with which tools and limits.

A profile is a TOML file in `agent/profiles/`; a new one needs a file, not code.
"""

import tomllib
from functools import cache
from importlib import resources

from pydantic import Field, ValidationError

from shared.errors import ConfigurationError
from shared.models import Capability, Record, Slug


class Profile(Record):
    """One kind of agent. `deadline_seconds` and `model` override the installation's defaults."""

    name: Slug
    title: str
    capabilities: tuple[Capability, ...] = Field(min_length=1)
    prompt: str = Field(min_length=20)
    tools: tuple[str, ...]
    mcp_tools: tuple[str, ...]
    model: str | None = None
    max_turns: int = Field(default=60, ge=1)
    deadline_seconds: float | None = Field(default=None, gt=0)


@cache
def load_profiles() -> dict[str, Profile]:
    """Every profile by name; raises ConfigurationError for a file that is not one."""
    profiles = {}
    for file in resources.files("agent").joinpath("profiles").iterdir():
        if not file.name.endswith(".toml"):
            continue
        try:
            profile = Profile.model_validate(tomllib.loads(file.read_text("utf-8")))
        except (tomllib.TOMLDecodeError, ValidationError) as error:
            raise ConfigurationError(f"{file.name} is not a profile: {error}") from error
        profiles[profile.name] = profile
    return profiles


def profile_named(name: str) -> Profile:
    """The profile, or a ConfigurationError that lists what there is."""
    profiles = load_profiles()
    if name not in profiles:
        raise ConfigurationError(
            f"there is no agent profile {name!r}",
            remedy=f"set AGENT_PROFILE to one of: {', '.join(sorted(profiles))}",
        )
    return profiles[name]
