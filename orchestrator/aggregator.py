"""Turns the results of a task's subtasks into one honest answer."""

from typing import Any

import structlog
from pydantic import Field

from orchestrator.analysis import Answer
from orchestrator.prompts import AGGREGATOR, aggregator_turn
from shared.claude import Claude, Prompt, usage_of
from shared.database.tasks import Request
from shared.errors import MalformedOutput, ModelError
from shared.models import Evidence, Record, TaskDetail

_log = structlog.get_logger(__name__)


class Fact(Record):
    """One key fact of an answer."""

    name: str
    value: str | float | bool


class FinalAnswer(Record):
    """What the model returns: Markdown for people, facts for programs."""

    answer: str = Field(min_length=1)
    result: tuple[Fact, ...]


class Aggregator:
    """Asks the model for the answer; without it, lists plainly what there is."""

    def __init__(self, claude: Claude, *, model: str) -> None:
        self._claude = claude
        self._model = model

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """The answer; the model is not asked when there is no result to speak of."""
        if not detail.subtask_results:
            return Answer(plain_answer(detail, "No subtask was completed."))
        prompt = Prompt(AGGREGATOR, "", (("user", aggregator_turn(request, detail)),))
        try:
            reply = await self._claude.ask(prompt, FinalAnswer, model=self._model)
        except ModelError as error:
            _log.warning("no answer from the model", error=error.detail)
            return Answer(plain_answer(detail, _NO_MODEL), failure=error, usage=usage_of(error))
        if reply.value is None:
            failure = MalformedOutput(f"not the JSON that was asked for: {'; '.join(reply.errors)}")
            return Answer(plain_answer(detail, _NO_MODEL), failure=failure, usage=(reply.usage,))
        facts: dict[str, Any] = {fact.name: fact.value for fact in reply.value.result}
        text = f"{reply.value.answer.rstrip()}\n\n{evidence_note(detail)}"
        return Answer(text, facts, usage=(reply.usage,))


_NO_MODEL = "The model could not write the answer; these are the results as the agents left them."


_SIMULATED = "> Simulated model: what the agents say below is scripted."
_MEANING = {
    Evidence.VERIFIED: "verified by machine checks",
    Evidence.REVIEWED: "approved by a reviewer",
    Evidence.SELF_REPORTED: "reported by the agent alone",
}


def evidence_note(detail: TaskDetail) -> str:
    """How far the parts were looked at, in Markdown; counted here, never left to the model."""
    lines = []
    for evidence, meaning in _MEANING.items():
        titles = [each.title for each in detail.task.subtasks if each.evidence is evidence]
        if titles:
            lines.append(f"- {meaning}: {', '.join(titles)}")
    return "\n".join(["**How far this was looked at**", "", *lines])


def plain_answer(detail: TaskDetail, opening: str) -> str:
    """What became of each subtask, in Markdown, without a model."""
    results = {result.subtask_id: result for result in detail.subtask_results}
    label = [_SIMULATED, ""] if detail.task.simulated else []
    lines = [*label, opening, ""]
    for subtask in detail.task.subtasks:
        lines.append(f"- **{subtask.title}** ({subtask.status})")
        result = results.get(subtask.id)
        error = (subtask.error or "").split("\n", 1)[0]
        text = result.summary if result is not None else error
        if text:
            lines.append(f"  {' '.join(text.split())}")
        lines += [f"  file: `{file.path}`" for file in (result.files if result else ())]
    return "\n".join(lines)
