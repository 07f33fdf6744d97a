"""Claims of fetched addresses and of queries."""

import re
from collections.abc import Sequence
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from agent.claim_shell import INTERPRETERS
from agent.claim_words import (
    EMPTY_WORDS,
    WEB,
    Verdict,
    done_by,
    judge_by_calls,
    short,
    tells_of,
    text_of,
    worked,
)
from agent.tool_log import ToolCall

_LONGEST = 2000
_URL = re.compile(r"https?://[^\s'\"`<>|\\)]+", re.IGNORECASE)
_BARE_URL = re.compile(
    r"\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?::\d+)?(?:/[^\s'\"`<>|)]*)?", re.IGNORECASE
)
_FETCHERS = frozenset(("curl", "wget", "http", "https", "httpie", "xh", "aria2c"))
_FETCHES_IN_CODE = re.compile(r"\b(?:requests|urllib\w*|httpx|aiohttp|fetch|axios|net/http)\b")
_LOOKERS = frozenset(("grep", "rg", "cat", "head", "tail", "ls", "wc", "sed", "diff", "test", "["))


def _fetches(call: ToolCall) -> bool:
    """Bash may have fetched something; `curl -o` ends well although the sandbox let nothing out."""
    programs = {name for each in done_by(call) for name in each.programs}
    in_code = _FETCHES_IN_CODE.search("\n".join(each.text for each in done_by(call)))
    able = _FETCHERS | INTERPRETERS.keys() if in_code else _FETCHERS
    return not programs.isdisjoint(able) and "deny network" not in call.excerpt


def _named_by(call: ToolCall) -> str:
    """What a call says of where it goes; of Bash, without what it only prints or looks at."""
    if call.name != "Bash":
        return text_of(call)
    told = (
        each.text for each in done_by(call) if each.leads_on or each.programs.isdisjoint(_LOOKERS)
    )
    return "\n".join(told)


def fetched_url(what: str, said: str, calls: Sequence[ToolCall]) -> Verdict:
    """Every address was asked for; a claim of a host alone is met by any page of it."""
    able = [call for call in calls if call.name in WEB or (call.name == "Bash" and _fetches(call))]
    wanted = _addresses(what) or _addresses(said)
    if not wanted:
        told = [call for call in able if tells_of(what, call)]
        return judge_by_calls(said, told, "the claim names no address")
    verdicts = [
        judge_by_calls(
            _URL.sub("", said),
            [c for c in able if _reached(address, c)],
            f"no call fetched {short(address.geturl())}",
        )
        for address in wanted
    ]
    return next((verdict for verdict in verdicts if not verdict[0]), verdicts[-1])


def _addresses(text: str) -> list[SplitResult]:
    found = _URL.findall(text) or [f"//{bare}" for bare in _BARE_URL.findall(text)]
    return [address for each in found if (address := _split(each)) is not None]


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url.rstrip(".,;:!?]"))
    except ValueError:
        return None


def _reached(wanted: SplitResult, call: ToolCall) -> bool:
    seen = _addresses(_named_by(call))
    if call.name in WEB:
        seen += _addresses(call.excerpt[:_LONGEST].partition('"text"')[0])  # where it was led
    return any(_is_at(wanted, address) for address in seen)


def _is_at(wanted: SplitResult, seen: SplitResult) -> bool:
    if _host(wanted) != _host(seen):
        return False
    path = unquote(wanted.path).rstrip("/")
    pattern = re.sub(r"\\\{[^}]*\}|\\\*|\.\.\.|…|<[^>]*>", "[^?]*", re.escape(path))
    here = re.fullmatch(pattern, unquote(seen.path).rstrip("/"), re.IGNORECASE)
    asked = set(parse_qsl(wanted.query)) <= set(parse_qsl(seen.query))
    return (not path or here is not None) and asked


def _host(address: SplitResult) -> str:
    host = address.netloc.rpartition("@")[2].lower().removeprefix("www.")
    return re.sub(r":(?:80|443)$", "", host)


_SQL = re.compile(
    r"\b(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|create\s+(?:\w+\s+)*table|"
    r"drop\s+table|alter\s+table|truncate)\b",
    re.IGNORECASE | re.DOTALL,
)
_TABLE = re.compile(
    r"\b(?:from|join|into|update|table(?:\s+if\s+(?:not\s+)?exists)?)\s+[\"`]?([a-z_][\w.]*)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"`([A-Za-z_][\w.]*)`|\b([a-z]+_\w+)\b|\b(\w+) tables?\b|\btable (?:named |called )?(\w+)"
)
_AGGREGATES = frozenset(("count", "sum", "avg", "min", "max", "stddev"))
_IN_BASH = re.compile(r"sqlite|psql|duckdb|mysql|sqlalchemy|\.db\b|asyncpg|psycopg", re.IGNORECASE)
_NO_TABLE = EMPTY_WORDS | frozenset(
    re.findall(
        r"\w+",
        "two three few several select set both temporary database query_database row_count "
        "of is are has have had contains holds join joined where which",
    )
)


def queried_database(what: str, said: str, calls: Sequence[ToolCall]) -> Verdict:
    """Some query is about the tables that the claim names, and does what its SQL does."""
    able = [
        call
        for call in calls
        if call.name == "query_database"
        or (call.name == "Bash" and _IN_BASH.search(_named_by(call)))
    ]
    if not able:
        return False, "no call queried a database"
    sql = _SQL.search(what)
    names = _tables(what, _TABLE) if sql else _tables(what, _NAMED)
    matches = [call for call in able if all(_has(name, call) for name in names)]
    if sql:
        matches = [call for call in matches if _is_like(what, sql, call)]
    if len(names) > 1 and not matches and not sql:  # several queries in one claim
        matches = [call for call in able if any(_has(name, call) for name in names)]
        held = {name for call in matches if worked(call) for name in names if _has(name, call)}
        matches = matches if held == set(names) else []
    about = ", ".join(names) or short(what)
    return judge_by_calls(said, matches, f"no query is about {short(about)}")


def _tables(text: str, pattern: re.Pattern[str]) -> list[str]:
    found = ("".join(hit) if isinstance(hit, tuple) else hit for hit in pattern.findall(text))
    names = (name.rpartition(".")[2].lower() for name in found)
    return [name for name in dict.fromkeys(names) if name and name not in _NO_TABLE]


def _has(name: str, call: ToolCall) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", _named_by(call).lower()) is not None


def _is_like(what: str, sql: re.Match[str], call: ToolCall) -> bool:
    """The same verb, and most of the claim's words."""
    asked = set(re.findall(r"\w+", _named_by(call).lower()))
    words = re.findall(r"\w+", what[sql.start() :].lower())
    share = sum(word in asked for word in words) / len(words)
    firm = {words[0]} | _AGGREGATES.intersection(words)
    return firm <= asked and share >= 0.6
