"""How much patience a profile has with an agent that gets nowhere."""

from pydantic import Field

from shared.models import Record


class LoopLimits(Record):
    """How long an agent may go on without getting anywhere; half as long after a warning.

    `identical`: the same call with the same answer in a row. `alternating`: how often a round of
    two to four calls comes again in a row. `still_turns`: answers of the model in which no file
    and no shared state changed and no tool said anything new. `still_output_tokens`: tokens of
    its answers since the last change or the first use of another tool or program.
    """

    identical: int = Field(default=5, ge=2)
    alternating: int = Field(default=4, ge=2)
    still_turns: int = Field(default=40, ge=2)
    still_output_tokens: int = Field(default=120_000, ge=2)

    def halved(self) -> "LoopLimits":
        """The patience that is left after a warning."""
        return LoopLimits(**{name: max(2, most // 2) for name, most in self})
