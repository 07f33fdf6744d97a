"""What the simulated model does with a request that no scenario knows: sentences become notes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from scripts.claude_simulator.conduct import Outcome, ScriptedCall, SubtaskScript, Turn
from scripts.claude_simulator.plan import Capability, Plan, PlannedSubtask
from scripts.claude_simulator.prompt import AgentPrompt
from scripts.claude_simulator.scenario import Answer

MAX_SUBTASKS = 5
NOTE = "note"

_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+|,?\s+(?:and\s+)?(?=then\s)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_JOINS = re.compile(
    r"\b(finally|combine|compare|merge|summari[sz]e|report|conclude|both|all of|everything)\b", re.I
)
_FOLLOWS = re.compile(
    r"\b(then|next|after|afterwards|it|its|them|this|these|those|the results?)\b", re.I
)
_SMALL_WORDS = {"a", "an", "and", "the", "of", "to", "in", "on", "for", "with", "then", "please"}
_CAPABILITY_WORDS: Mapping[Capability, str] = {
    "web_scraping": r"\b(web\w*|scrap\w+|crawl\w*|url|https?|page|site|search\w*|news)",
    "api_integration": r"\b(api|endpoint|webhook|http request|rest|fetch\w*|call\w*)\b",
    "database_operations": r"\b(database|sql|postgres\w*|query|queries|table|tables|store)\b",
    "data_analysis": r"\b(analy\w+|chart\w*|plot\w*|statistic\w*|average|trend\w*|csv|compare\w*)",
    "code_generation": r"\b(code|script\w*|program\w*|function\w*|implement\w*|test\w*|python)",
    "file_processing": r"",
}


def plan_for(request: str) -> Plan:
    """One to five subtasks from the request's sentences, the same ones every time."""
    planned: list[PlannedSubtask] = []
    for sentence in sentences(request):
        planned.append(step_for(sentence, planned, after=_dependencies(sentence, planned)))
    return Plan(summary=f"{len(planned)} step(s), one for each sentence.", subtasks=tuple(planned))


def step_for(
    sentence: str, planned: Sequence[PlannedSubtask], *, after: tuple[str, ...]
) -> PlannedSubtask:
    """One more subtask of a plan, for one sentence."""
    identifier = _slug(sentence, {subtask.id for subtask in planned})
    return PlannedSubtask(
        id=identifier,
        title=_title(sentence),
        description=sentence,
        required_capabilities=(_capability(sentence),),
        dependencies=after,
        expected_output=f"A note {identifier}.md that says what was asked and found.",
        checks=({"kind": "file_exists", "path": f"{identifier}.md", "min_bytes": 1},),
    )


def script_for() -> SubtaskScript:
    """Write the note with the real tool and return it."""
    write = ScriptedCall(
        tool="Write", input={"file_path": "{{cwd}}/{{key}}.md", "content": f"{{{{file.{NOTE}}}}}"}
    )
    return SubtaskScript(
        turns=(Turn(say="I write a note about this step.", calls=(write,)),),
        result=Outcome(
            summary="Wrote a note about: {{title}}",
            output={"note": "{{key}}.md"},
            files=("{{key}}.md",),
            claims=({"kind": "wrote_file", "what": "{{key}}.md", "detail": "with the Write tool"},),
        ),
    )


def note_for(prompt: AgentPrompt) -> str:
    """The text of the note: what was asked, and what the prerequisites said."""
    lines = [
        f"# {prompt.title}",
        "",
        "> Simulated model: this note was written by a real tool, but no model did the work.",
        "",
        prompt.description,
    ]
    if prompt.prerequisites:
        lines += ["", "## What came before", ""]
    for key, result in prompt.prerequisites.items():
        lines.append(f"- {result.get('title') or key}: {result.get('summary', '')}")
    return "\n".join([*lines, ""])


def answer_for(results: Mapping[str, dict[str, Any]]) -> Answer:
    """An answer composed of what each subtask said, the ones that were not done first in line."""
    done = [each for each in results.values() if each["status"] == "completed"]
    text = f"{len(done)} of {len(results)} steps were completed.\n\n{overview(results)}"
    return Answer(answer=text, result={key: r.get("output", {}) for key, r in results.items()})


def overview(results: Mapping[str, dict[str, Any]]) -> str:
    """A Markdown line for each result."""
    return "\n".join(
        f"- **{each['title'] or key}** ({each['status']}): "
        f"{each.get('summary') or each.get('error') or 'no result'}"
        for key, each in results.items()
    )


def sentences(request: str) -> list[str]:
    """The sentences of a text, joined where there are more than MAX_SUBTASKS."""
    parts = (_BULLET.sub("", part).strip() for part in _SENTENCE_END.split(request))
    found = [part for part in parts if re.search(r"\w", part)] or ["Do what was asked"]
    share = -(-len(found) // MAX_SUBTASKS)
    return [" ".join(found[i : i + share]) for i in range(0, len(found), share)]


def _dependencies(sentence: str, planned: Sequence[PlannedSubtask]) -> tuple[str, ...]:
    if not planned:
        return ()
    if _JOINS.search(sentence):
        used = {dependency for subtask in planned for dependency in subtask.dependencies}
        return tuple(subtask.id for subtask in planned if subtask.id not in used)
    return (planned[-1].id,) if _FOLLOWS.search(sentence) else ()


def _capability(sentence: str) -> Capability:
    for capability in get_args(Capability):
        words = _CAPABILITY_WORDS[capability]
        if words and re.search(words, sentence, re.IGNORECASE):
            chosen: Capability = capability
            return chosen
    return "file_processing"


def _slug(sentence: str, taken: set[str]) -> str:
    words = [w for w in re.findall(r"[a-z0-9]+", sentence.lower()) if w not in _SMALL_WORDS]
    base = "-".join(words[:4])[:40].strip("-")
    if not base or not base[0].isalpha():
        base = f"step-{base}".strip("-")
    number = 2
    slug = base
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


def _title(sentence: str) -> str:
    words = sentence.split()
    short = " ".join(words[:8])[:80].rstrip(".,;:!?")
    return f"{short} …" if len(words) > 8 else short or sentence[:80]
