"""What an agent says it did."""

from typing import Literal

from shared.models.words import Record


class Claim(Record):
    """Something an agent says it did; evidence is matched against it."""

    kind: Literal["wrote_file", "ran_command", "fetched_url", "queried_database"]
    what: str
    detail: str = ""
