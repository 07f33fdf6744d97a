"""Words of the field, and what every record is."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

MIN_DESCRIPTION = 10  # characters of what a person asks for, without the space around it
MAX_DESCRIPTION = 5_000
MAX_TITLE = 200
MAX_USER = 128


class Capability(StrEnum):
    """What an agent can be asked for."""

    DATA_ANALYSIS = "data_analysis"
    WEB_SCRAPING = "web_scraping"
    CODE_GENERATION = "code_generation"
    FILE_PROCESSING = "file_processing"
    DATABASE_OPERATIONS = "database_operations"
    API_INTEGRATION = "api_integration"


class Band(StrEnum):
    """How urgent a list is; priorities 7-10, 4-6 and 0-3."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @classmethod
    def of(cls, priority: int) -> "Band":
        """The band of a priority from 0 to 10."""
        if priority >= 7:
            return cls.HIGH
        return cls.NORMAL if priority >= 4 else cls.LOW


def _storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


Storable = Annotated[str, AfterValidator(_storable)]
"""Text of programs and models, without what PostgreSQL refuses."""

ReviewPolicy = Literal["off", "sampled", "always"]

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Record(BaseModel):
    """Immutable, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
