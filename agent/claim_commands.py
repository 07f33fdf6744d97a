"""Claims of commands: some call of Bash holds what the claim names, and worked."""

import re
from collections.abc import Sequence
from functools import lru_cache

from agent.claim_words import PATH, Verdict, judge_by_calls, short, tells_of, text_of, tokens_of
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
_RUN = frozenset(("", "run", "ran", "running", "execute", "executed", "via", "with", "using"))
_SCRIPT = re.compile(r"\.(?:py|sh|js|mjs|ts|rb|pl|R|r|php|lua|sql|ipynb)$")
_ONLY_LOOKS = frozenset(
    (
        *("cat", "ls", "head", "tail", "wc", "grep", "rg", "echo", "stat", "file", "sed", "diff"),
        *("chmod", "cp", "mv", "rm", "touch", "less", "du"),
    )
)
_ONLY_SAID = re.compile(
    r"(?:^|(?<=[;&|]))[ \t]*(?:echo|printf|true|:)[ \t][^;&|\n]*|(?:^|(?<=\s))#[^\n]*", re.MULTILINE
)
_OTHER_WORK = re.compile(
    r"\s*(?:I )?(?:cd\b|fix|edit|wr[io]t|updat|creat|chang|modif|patch|read|look|inspect|review|"
    r"sav)",
    re.IGNORECASE,
)
_JOINT = re.compile(r"&&|\|\||[;\n]|,\s|\s(?:and|then|followed by)\s")


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
    claimed = tokens_of(what)
    if not claimed:
        return False, "the claim names no command"
    same = [call for call in able if tokens_of(text_of(call)) == claimed]
    within = same or [call for call in able if _holds_run(_done_by(text_of(call)), claimed)]
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


@lru_cache(maxsize=512)
def _done_by(command: str) -> tuple[str, ...]:
    """The words of a command without what it only prints or remarks."""
    return tokens_of(_ONLY_SAID.sub(" ", command))


def _holds_run(tokens: tuple[str, ...], claimed: tuple[str, ...]) -> bool:
    size = len(claimed)
    firm = size > 1 or _firm(claimed[0])
    starts = (at for at, token in enumerate(tokens) if token == claimed[0])
    found = any(tokens[at : at + size] == claimed for at in starts)
    return bool(firm) and found and not (size == 1 and _SCRIPT.search(claimed[0]))


def _is_file(token: str) -> bool:
    return "://" in token or PATH.fullmatch(token) is not None


def _firm(part: str) -> list[str]:
    """What must be found: files, options and their numbers, known programs."""
    tokens = tokens_of(part)
    firm = []
    for before, token in zip(["", *tokens], tokens, strict=False):
        option = re.match(r"--?[A-Za-z]", token)
        number = re.match(r"--?[A-Za-z]", before) and re.fullmatch(r"\d[\d.]*", token)
        program = _PROGRAM.fullmatch(token) or (
            before.lower() in _RUN and _ALSO_A_WORD.fullmatch(token)
        )
        place = len(token) > 1 and (token[-1] == "/" or token.startswith(("/", "../")))
        if _is_file(token) or place or option or number or program:
            firm.append(token)
    return firm


def _holds_all(part: str, call: ToolCall) -> bool:
    tokens, firm = _done_by(text_of(call)), _firm(part)
    if not all(any(_same(token, other) for other in tokens) for token in firm):
        return False
    scripts = [token for token in firm if _SCRIPT.search(token)]
    if call.name != "Bash" or not scripts or _ONLY_LOOKS.intersection(tokens_of(part)):
        return True
    return any(_runs(script, text_of(call)) for script in scripts)


def _runs(script: str, command: str) -> bool:
    """Whether some part of the command does more with the script than look at it."""
    for part in re.split(r"&&|\|\||[;\n|]", command):
        tokens = tokens_of(part)
        if any(_same(script, token) for token in tokens) and tokens[0] not in _ONLY_LOOKS:
            return True
    return False


def _same(claimed: str, token: str) -> bool:
    if (
        claimed.rstrip("/") == token.rstrip("/")
        or token.endswith(f"/{claimed}")
        or claimed.endswith(f"/{token}")
    ):
        return True
    return token.startswith(claimed if claimed[-1] == "/" else f"{claimed}::")
