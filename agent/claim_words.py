"""The words of claims and calls: what they name, and whether they speak of failure."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from agent.claim_shell import Segment, segments_of, words_of
from agent.tool_log import ToolCall

Verdict: TypeAlias = tuple[bool, str]

_LONGEST = 20_000
PROMPT = re.compile(r"^\s*(?:\$|>|#)\s+")
WEB = ("fetch_url", "http_request")
PATH = re.compile(r"(?:[\w.~@+%*?{}\-]*/)*[\w.~@+%*?{}\-]*[\w*}]\.[A-Za-z][\w]{0,9}")
EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a all an and any as at by for from full i in inline it its my no of on once over the this "
        "that then to twice via was were whole with without zero 0 again using bash shell code "
        "command commands execute executed executing run ran running script scripts file files "
        "output project suite unit success successful successfully pass passed passes passing ok "
        "result results error errors exit return returned check checked verify verified make made "
        "create created compute computed calculate calculated generate generated process processed "
        "one per each row rows data new",
    )
)
_RUNS_TESTS = re.compile(
    r"(?:\S*/)?(?:py\.?test|unittest|tox|nox|jest|vitest|ctest|rspec|phpunit)(?:\s|$)"
    r"|(?:npm|yarn|pnpm|go|cargo|make|mvn|gradle)\s+(?:run\s+)?test|\S{0,200}test\S{0,200}\.(?:py|sh)"
)
_TESTS_IN_CODE = re.compile(r"\b(?:pytest|unittest)\.(?:main|console_main|TextTestRunner)\b")
_ASKS = frozenset(("--version", "--help", "--collect-only", "--co"))
_NO_FAILURE = re.compile(
    r"\b(?:no|zero|0|without(?: any)?|never|fix\w*(?: the| all)?)\s+(?:\w+\s+)?"
    r"(?:fail|error|crash|missing)\w*",
    re.IGNORECASE,
)
_NO_SUCCESS = re.compile(
    r"(?:\bnot|n't|\bnever) (?:pass|succeed|work)\w*"
    r"|\b(?:then|but|finally)\b[^.;]*\b(?:fail|crash|error|time[ds]? out)\w*",
    re.IGNORECASE,
)
_COUNTED_FAILURE = re.compile(
    r"\b[1-9]\d* (?:\w+ )?(?:fail\w*|errors?)\b"
    r"|\b(?:exit\w*|return\w*|status|code)(?: with)?(?: an?)?(?: exit)?(?: code| status)?"
    r"[: =]*-?[1-9]\d*\b(?! \w+s\b)"
    r"|\b(?:HTTP|got|gave|answered|with)(?: an?)?[: ]*[45]\d\d\b(?! \w+s\b)"
    r"|\b[45]\d\d (?:error|not found|forbidden|unauthorized|response)",
    re.IGNORECASE,
)
_SUCCESS = re.compile(
    r"\b(?:pass(?:es|ed|ing)?|succe\w+|green|works?|worked|fine|ok|cleanly)\b", re.IGNORECASE
)
_EXIT_ZERO = re.compile(r"\b(?:exit\w*|return\w*|status|code)[a-z ]*[: =]*0\b", re.IGNORECASE)
_FAILURE = re.compile(
    r"\bfail\w*|\berror\w*|\bnon-?zero|\bnot found|\bdenied|\brefused|\bforbidden|\bblocked"
    r"|\btime[ds]?[ -]?out|\bunreachable|\bcrash\w*|\bcould ?n.t|\bcould not|\bdid ?n.t"
    r"|\bdid not|\bunsuccessful\w*|\babort\w*|\bunavailable|\bmissing",
    re.IGNORECASE,
)
_SHOWS_FAILURE = re.compile(r"\b[1-9]\d* fail(?:ed|ures?)\b", re.IGNORECASE)


def admits_failure(said: str) -> bool:
    """Whether these words say that something did not work."""
    plain = _NO_FAILURE.sub("", said)
    if _NO_SUCCESS.search(plain) or _COUNTED_FAILURE.search(plain):
        return True
    boasts = _SUCCESS.search(plain) or _EXIT_ZERO.search(plain)
    return not boasts and _FAILURE.search(plain) is not None


def judge_by_calls(said: str, matches: Sequence[ToolCall], missing: str) -> Verdict:
    """A claim holds when a matching call worked, or when it says itself that it did not."""
    if not matches:
        return False, missing
    last = matches[-1]
    own = set(tokens_of(text_of(last)))
    admits = admits_failure(" ".join(w for w in said.split() if w.strip(".,;:`'\"()") not in own))
    boasts = _SUCCESS.search(said) is not None and not admits
    latest = {text_of(call): call for call in matches}  # who boasts must not have failed later
    eligible = latest.values() if boasts or _EXIT_ZERO.search(said) else matches
    good = [call for call in eligible if worked(call)]
    clean = [call for call in good if not (boasts and _SHOWS_FAILURE.search(call.excerpt))]
    if clean:
        return True, f"{named(clean[-1])} returned without an error"
    if good and (shown := _SHOWS_FAILURE.search(good[-1].excerpt)):
        return False, f"{named(good[-1])} says: {shown[0]}"
    if last.ok is None:
        return False, f"{named(last)} never returned"
    if admits:
        return True, f"{named(last)} failed, as it says"
    return False, f"{named(last)} failed: {short(last.excerpt) or 'no reason given'}"


def worked(call: ToolCall) -> bool:
    """It returned no error; a page that was not there is one."""
    return call.ok is True and not (call.name in WEB and _status(call) >= 400)


def _status(call: ToolCall) -> int:
    found = re.search(r'"status":\s*(\d{3})\b', call.excerpt)
    return int(found[1]) if found else 0


def text_of(call: ToolCall) -> str:
    """What was asked of a tool, as one text of bounded length."""
    if call.name == "Bash":
        return str(call.input.get("command", ""))[:_LONGEST]
    return " ".join([call.name, *map(str, _leaves(dict(call.input)))])[:_LONGEST]


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def named(call: ToolCall) -> str:
    """The call in a sentence for people."""
    return f"a {call.name} call ({short(text_of(call).removeprefix(call.name))})"


def short(text: str, most: int = 80) -> str:
    """One line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


@lru_cache(maxsize=512)
def tokens_of(text: str) -> tuple[str, ...]:
    """Words of a command, free of quotes, prompts, and of where it was run."""
    plain = re.sub(r"^\s*cd\s+\S+\s*(?:&&|;)\s*", "", PROMPT.sub("", text))
    return words_of(plain)


def done_by(call: ToolCall) -> tuple[Segment, ...]:
    """The programs that a call of Bash ran, without those that only print words."""
    return tuple(each for each in segments_of(text_of(call)) if not each.only_says)


def only_asks(segment: Segment, claimed: Sequence[str] = ()) -> bool:
    """Whether a program only tells about itself, and that was not what is claimed."""
    return not _ASKS.isdisjoint(segment.words) and _ASKS.isdisjoint(claimed)


def tells_of(text: str, call: ToolCall) -> bool:
    """Whether a claim without a single firm word is about this command."""
    done = done_by(call) if call.name == "Bash" else ()
    told = "\n".join(each.text for each in done) if call.name == "Bash" else text_of(call)
    command, tests = told.lower(), any(_runs_tests(each) for each in done)
    words = [w for w in re.findall(r"[\w+]+", text.lower()) if w not in EMPTY_WORDS]
    held = [w for w in words if (tests if w in ("test", "tests") else _mentions(command, w))]
    return bool(words) and len(held) >= max(0.6 * len(words), min(2, len(words)))


def _runs_tests(segment: Segment) -> bool:
    if only_asks(segment):
        return False
    if _TESTS_IN_CODE.search(segment.text) and "python" in segment.programs:
        return True
    return any(_RUNS_TESTS.match(" ".join(segment.words[at:])) for at in segment.starts)


def _mentions(command: str, word: str) -> bool:
    if len(word) > 5:
        return word[:5] in command
    return (
        re.search(rf"(?<![a-z0-9]){re.escape(word.rstrip('s'))}s?(?![a-z0-9])", command) is not None
    )
