"""What scripted agents and reviewers do: turns, results, corrections, judgements."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from scripts.claude_simulator.plan import Strict

Criterion = Literal["correct", "complete", "evidence", "quality", "safe"]


class ScriptedCall(Strict):
    """A tool call; `id` names its result for placeholders, `optional` tolerates its failure."""

    tool: str
    input: dict[str, Any] = Field(default_factory=dict)
    id: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    optional: bool = False


class Turn(Strict):
    """What an agent says in one turn and the tools that it calls in it, `repeat` times over."""

    say: str = ""
    calls: tuple[ScriptedCall, ...] = Field(min_length=1)
    repeat: int = Field(default=1, ge=1, le=1000)


class Outcome(Strict):
    """A structured result; texts and values may hold placeholders."""

    summary: str
    output: dict[str, Any] | str = Field(default_factory=dict)
    files: tuple[str, ...] = ()
    claims: tuple[dict[str, str], ...] = ()
    failed: bool = False
    reason: str | None = None


class Correction(Strict):
    """What is done when a result was sent back; without a result, the first one is given again."""

    turns: tuple[Turn, ...] = ()
    result: Outcome | None = None


class SubtaskScript(Strict):
    """How one subtask is done; the last of its corrections serves for all that come after it."""

    turns: tuple[Turn, ...] = ()
    corrections: tuple[Correction, ...] = ()
    result: Outcome
    on_error: Outcome | None = None

    def turns_of(self, number: int) -> Iterator[Turn]:
        """The turns of the first round (0) or of a correction, repetitions written out."""
        part = self._correction(number)
        for turn in self.turns if part is None else part.turns:
            yield from [turn] * turn.repeat

    def result_of(self, number: int) -> Outcome:
        """The result of the first round (0) or of a correction."""
        part = self._correction(number)
        return (part and part.result) or self.result

    def _correction(self, number: int) -> Correction | None:
        if number == 0:
            return None
        scripted = self.corrections[:number] or (Correction(),)
        return scripted[-1]


class Scores(Strict):
    """Points from 0 to 100; what is not said is good enough."""

    correct: int = Field(default=85, ge=0, le=100)
    complete: int = Field(default=85, ge=0, le=100)
    evidence: int = Field(default=85, ge=0, le=100)
    quality: int = Field(default=85, ge=0, le=100)
    safe: int = Field(default=85, ge=0, le=100)


class Remark(Strict):
    """A reason of a reviewer; `quote` occurs word for word in what was shown."""

    criterion: Criterion
    quote: str = Field(min_length=1)
    comment: str


class Judgement(Strict):
    """What a reviewer says of one version of a result."""

    scores: Scores = Scores()
    reasons: tuple[Remark, ...] = ()
