"""Matches what an agent says it did with what the runtime saw its tools do, and with its files.

Claims are written by a model, in its own words: what names a file, a program, an option, an
address or a table has to be found; the words around it may be anything.
"""

from collections.abc import Callable, Sequence

from agent.claim_commands import ran_command
from agent.claim_files import Seen, wrote_file
from agent.claim_reach import fetched_url, queried_database
from agent.claim_words import Verdict
from agent.tool_log import ToolCall
from shared.models import (
    Assignment,
    Capability,
    Claim,
    ClaimEvidence,
    CommandCheck,
    FileEntry,
    FileExistsCheck,
    TextMatchesCheck,
)

_LONGEST = 2000


def needs_tools(assignment: Assignment) -> bool:
    """Whether this subtask cannot be done by thinking alone."""
    if set(assignment.required_capabilities) != {Capability.DATA_ANALYSIS}:
        return True
    on_disk = FileExistsCheck | CommandCheck | TextMatchesCheck
    return (
        bool(assignment.context_files)
        or any(prerequisite.files for prerequisite in assignment.prerequisites)
        or any(isinstance(planned.check, on_disk) for planned in assignment.checks)
    )


def match_claims(
    claims: Sequence[Claim],
    calls: Sequence[ToolCall],
    files: Sequence[FileEntry],
    exists: Callable[[str], bool],
) -> tuple[ClaimEvidence, ...]:
    """What supports each claim, or what is missing; `exists` looks in the attempt's directory."""
    seen = Seen(tuple(calls), {file.path: file for file in files}, exists)
    found = ((claim, _judge(claim, seen)) for claim in claims)
    return tuple(ClaimEvidence(claim=c, supported=ok, by=by) for c, (ok, by) in found)


def _judge(claim: Claim, seen: Seen) -> Verdict:
    what = claim.what.strip()[:_LONGEST]
    said = f"{what} {claim.detail[:_LONGEST]}"
    match claim.kind:
        case "wrote_file":
            return wrote_file(what, said, seen)
        case "ran_command":
            return ran_command(what, said, seen.calls)
        case "fetched_url":
            return fetched_url(what, said, seen.calls)
        case "queried_database":
            return queried_database(what, said, seen.calls)
