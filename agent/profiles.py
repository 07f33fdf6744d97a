"""The agents as data: what each can do, how it is spoken to, with which tools and limits.

A profile is a TOML file in `agent/profiles/`; a new one needs a file, not code.
"""

import shutil
import tomllib
from functools import cache
from importlib import resources

from pydantic import Field, ValidationError, field_validator

from agent.loop_limits import LoopLimits
from shared.errors import ConfigurationError
from shared.models import Capability, PlannedCheck, Record, ReviewPolicy, Slug


class Profile(Record):
    """One kind of agent, or a role that an agent takes on for one subtask.

    `deadline_seconds`, `model`, `max_corrections` and `review` override the installation's
    defaults. `checks` are added to those of the plan; in a command `{python}`, `{checks}` and
    `{seconds}` stand for our interpreter, the folder of our programs and the check's time. With a
    `purpose` the planner may choose it for a subtask, where the programs that it `needs` are
    installed.
    """

    name: Slug
    title: str
    capabilities: tuple[Capability, ...] = Field(min_length=1)
    prompt: str = Field(min_length=20)
    tools: tuple[str, ...]
    mcp_tools: tuple[str, ...]
    model: str | None = None
    max_turns: int = Field(default=60, ge=1)
    deadline_seconds: float | None = Field(default=None, gt=0)
    purpose: str | None = None
    needs: tuple[str, ...] = ()
    checks: tuple[PlannedCheck, ...] = ()
    max_corrections: int | None = Field(default=None, ge=0)
    review: ReviewPolicy | None = None
    loops: LoopLimits = LoopLimits()

    @field_validator("checks")
    @classmethod
    def _are_its_own(cls, checks: tuple[PlannedCheck, ...]) -> tuple[PlannedCheck, ...]:
        return tuple(check.model_copy(update={"source": "profile"}) for check in checks)


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


@cache
def roles() -> dict[str, str]:
    """What an agent can take on here for one subtask, and what each is for."""
    return {
        each.name: each.purpose
        for each in load_profiles().values()
        if each.purpose and all(shutil.which(program) for program in each.needs)
    }


def profile_named(name: str) -> Profile:
    """The profile, or a ConfigurationError that lists what there is."""
    profiles = load_profiles()
    if name not in profiles:
        raise ConfigurationError(
            f"there is no agent profile {name!r}",
            remedy=f"set AGENT_PROFILE to one of: {', '.join(sorted(profiles))}",
        )
    return profiles[name]
