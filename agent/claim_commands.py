"""Claims of commands: some call of Bash holds what the claim names, and worked."""

import re
from collections.abc import Sequence
from itertools import chain

from agent.claim_shell import INTERPRETERS, Segment, segments_of, starts_of
from agent.claim_words import (
    PATH,
    PROMPT,
    Verdict,
    done_by,
    judge_by_calls,
    only_asks,
    short,
    tells_of,
    text_of,
    tokens_of,
)
from agent.tool_log import ToolCall
from agent.tools import TOOL_NAMES

_PROGRAM = re.compile(
    r"python|deno|bun|pytest|unittest|tox|nox|mypy|ruff|flake8|pylint|eslint|tsc|vitest|npm|npx|"
    r"yarn|pnpm|pip|uv|poetry|conda|git|gh|cmake|gcc|g\+\+|clang|cargo|rustc|javac?|mvn|gradle|"
    r"docker|kubectl|curl|wget|awk|sed|grep|rg|jq|tar|unzip|gzip|sqlite|psql|perl|ruby|Rscript|wc|"
    r"ls|cp|mv|mkdir|chmod|ffmpeg|pandoc|pdftotext|tesseract|duckdb|alembic|terraform|ansible|helm"
)
_ALSO_A_WORD = re.compile(
    r"make|go|convert|head|tail|node|jest|black|diff|cat|sort|find|touch|file"
)
_RAN = frozenset(("run", "ran", "reran", "running", "execute", "executed"))
_RUN = _RAN | {"", "via", "with", "using"}
_ON = frozenset(("on", "over", "for", "against", "of", "in", "from", "to", "at", "into"))
_SCRIPT = re.compile(r"\.(?:py|sh|js|mjs|ts|rb|pl|R|r|php|lua|sql|ipynb)$")
_ONLY_LOOKS = frozenset(
    (
        *("cat", "ls", "head", "tail", "wc", "grep", "rg", "echo", "stat", "file", "sed", "diff"),
        *("chmod", "cp", "mv", "rm", "touch", "less", "du"),
    )
)
_OTHER_WORK = re.compile(
    r"\s*(?:I )?(?:cd\b|fix|edit|wr[io]t|updat|creat|chang|modif|patch|read|look|inspect|review|"
    r"sav)",
    re.IGNORECASE,
)
_JOINT = re.compile(r"&&|\|\||[;\n]|,\s|\s(?:and|then|followed by|\+)\s")


def ran_command(what: str, said: str, calls: Sequence[ToolCall]) -> Verdict:
    """Every command that the claim names was run; words around a command may be anything."""
    fenced = re.findall(r"`+([^`]+)`+", what)
    spans = [span for at, span in enumerate(fenced) if at == 0 or " " in span.strip()] or [what]
    verdicts = [_ran(span, said, calls) for span in spans]
    return next((verdict for verdict in verdicts if not verdict[0]), verdicts[-1])


def _ran(what: str, said: str, calls: Sequence[ToolCall]) -> Verdict:
    named = TOOL_NAMES.intersection(re.findall(r"\w+", what))
    able = [call for call in calls if call.name == "Bash" or call.name in named]
    missing = f"no call holds this command: {short(what)}"
    if not tokens_of(what):
        return False, "the claim names no command"
    same = [call for call in able if _is_same(what, call)]
    within = same or [call for call in able if _holds_run(what, call)]
    if within:
        return judge_by_calls(said, within, missing)
    outside = re.sub(r"\([^)]*\)", " ", what)
    parts = [part for part in _JOINT.split(outside) if _firm(part)]
    parts = [part for part in parts if not _OTHER_WORK.match(part)] or parts
    if not parts:
        return judge_by_calls(said, [call for call in able if tells_of(outside, call)], missing)
    verdicts = [
        judge_by_calls(
            said,
            [call for call in able if _holds_all(part, call)],
            f"no call holds this command: {short(part.strip())}",
        )
        for part in parts
    ]
    return next((verdict for verdict in verdicts if not verdict[0]), verdicts[-1])


def _commands(text: str) -> list[tuple[str, ...]]:
    """The words of each program, but for where they were run."""
    found = segments_of(text)
    return [each.words for each in found if each.words and each.words[0] != "cd"]


def _is_same(what: str, call: ToolCall) -> bool:
    if call.name != "Bash":
        return tokens_of(text_of(call)) == tokens_of(what)
    asked = _commands(PROMPT.sub("", what))
    return bool(asked) and asked == _commands(text_of(call))


def _holds_run(what: str, call: ToolCall) -> bool:
    """Whether all that is claimed was run, each as a program begins, perhaps with more words."""
    if call.name == "Bash":
        asked, ran = _commands(PROMPT.sub("", what)), segments_of(text_of(call))
        return bool(asked) and all(any(_begins(one, each) for each in ran) for one in asked)
    tokens, claimed = tokens_of(text_of(call)), tokens_of(what)
    starts = (at for at, token in enumerate(tokens) if token == claimed[0])
    found = any(tokens[at : at + len(claimed)] == claimed for at in starts)
    return found and _is_telling(claimed)


def _begins(claimed: tuple[str, ...], segment: Segment) -> bool:
    if not _is_telling(claimed) or only_asks(segment, claimed):
        return False
    size = len(claimed)
    return any(segment.words[at : at + size] == claimed for at in segment.starts)


def _is_telling(claimed: tuple[str, ...]) -> bool:
    """Whether it is enough to find these words in a row."""
    return len(claimed) > 1 or (bool(_firm(claimed[0])) and not _SCRIPT.search(claimed[0]))


def _is_file(token: str) -> bool:
    return "://" in token or PATH.fullmatch(token) is not None


def _firm(part: str) -> list[str]:
    """What must be found: files, options and their numbers, known programs."""
    tokens = tokens_of(part)
    firm = []
    for before, token in zip(["", *tokens], tokens, strict=False):
        option = re.match(r"--?[A-Za-z]", token)
        number = re.match(r"--?[A-Za-z]", before) and re.fullmatch(r"\d[\d.]*", token)
        place = len(token) > 1 and (token[-1] == "/" or token.startswith(("/", "../")))
        if _is_file(token) or place or option or number or _is_program(before, token):
            firm.append(token)
    return firm


def _is_program(before: str, token: str) -> bool:
    known = _PROGRAM.fullmatch(token) is not None
    return known or (before.lower() in _RUN and _ALSO_A_WORD.fullmatch(token) is not None)


def _holds_all(part: str, call: ToolCall) -> bool:
    """What must be found is there, and what is said to be run stands where a program begins."""
    ran = done_by(call) if call.name == "Bash" else None
    words = [each.held for each in ran] if ran is not None else [tokens_of(text_of(call))]
    held = set(chain.from_iterable(words))
    if not all(any(_same(token, other) for other in held) for token in _firm(part)):
        return False
    return ran is None or (_runs_lead(part, ran) and _runs_script(part, ran))


def _runs_lead(part: str, ran: Sequence[Segment]) -> bool:
    """Whether the program or script that is said to be run stands where a program's name does."""
    lead, tokens = _lead(part), tokens_of(part)
    if lead is None:
        return True
    starts = (each.words[at] for each in ran if not only_asks(each, tokens) for at in each.starts)
    return any(_same(lead, word) or word.startswith("$") for word in starts)


def _lead(part: str) -> str | None:
    """The innermost program that the words name; the script that they say one has run."""
    tokens, firm = tokens_of(part), _firm(part)
    programs = [
        at
        for at, (before, token) in enumerate(zip(["", *tokens], tokens, strict=False))
        if _is_program(before, token)
    ]
    script = next((at for at, token in enumerate(tokens) if _is_to_run(tokens, at)), len(tokens))
    if not programs or (script < programs[0] and tokens[programs[0]] in INTERPRETERS):
        return tokens[script] if script < len(tokens) else None
    words = tokens[programs[0] :]
    return [words[at] for at in starts_of(words) if words[at] in firm][-1]


def _is_to_run(tokens: Sequence[str], at: int) -> bool:
    """Whether this is a script, said to be run and not to be what something was run on."""
    if not _SCRIPT.search(tokens[at]) or not _ONLY_LOOKS.isdisjoint(tokens):
        return False
    before = [token.lower() for token in tokens[:at]]
    if not before or before[-1] in _RUN:
        return True
    return before[-1] not in _ON and not _RAN.isdisjoint(before)


def _runs_script(part: str, ran: Sequence[Segment]) -> bool:
    """Whether some program does more with the scripts than look at one."""
    scripts = [token for token in _firm(part) if _SCRIPT.search(token)]
    if not scripts or not _ONLY_LOOKS.isdisjoint(tokens_of(part)):
        return True
    does = [each for each in ran if each.programs.isdisjoint(_ONLY_LOOKS)]
    return any(_same(script, word) for script in scripts for each in does for word in each.words)


def _same(claimed: str, token: str) -> bool:
    if (
        claimed.rstrip("/") == token.rstrip("/")
        or token.endswith(f"/{claimed}")
        or claimed.endswith(f"/{token}")
    ):
        return True
    return token.startswith(claimed if claimed[-1] == "/" else f"{claimed}::")
