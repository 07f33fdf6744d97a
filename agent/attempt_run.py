"""One attempt: ask, look at the result, have it corrected, and say what came of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.attempt import Note, Notify
from agent.claude import ClaudeSession
from agent.claude_events import SessionEvent
from agent.claude_settings import SessionSettings, Subagent
from agent.correction import REPEATED, Corrections
from agent.loop_breaker import LoopBreaker, directory_fingerprint
from agent.metrics import session_said
from agent.narration import note_of
from agent.outcome import Completed, Failed, Outcome, Spent, sentence
from agent.profiles import Profile
from agent.prompt import correction_prompt, result_schema, system_prompt, task_prompt
from agent.result_state import ResultState
from agent.review_bands import review_wanted
from agent.review_step import ReviewStep
from agent.reviewer import Reviewer
from agent.runtime import Runtime
from agent.scrutiny import Scrutiny
from agent.tool_log import ToolLog
from agent.toolbox import Toolbox, Tools
from agent.verifier import Look, Verifier, evidence_of
from agent.workspace_state import changes, snapshot
from shared import metrics
from shared.errors import MalformedOutput, ModelError, WorkspaceError
from shared.models import (
    Assignment,
    CorrectionOutcome,
    Doubt,
    ModelUsage,
    PlannedCheck,
    Round,
)
from shared.states import FailureKind
from shared.workspace import Workspace

_LONGEST = 3_600.0
_PRINTED = 1_500  # characters of a check's output in an error
_HELPER = Subagent(
    description="Does one well-defined part of the work and reports back.",
    prompt="Do the part you are given, with the tools you have, and report what you found.",
)
_KINDS = {
    Doubt.SHAPE: FailureKind.BUSINESS,
    Doubt.EVIDENCE: FailureKind.CHECKS,
    Doubt.CHECKS: FailureKind.CHECKS,
    Doubt.REVIEW: FailureKind.REVIEW,
}


class AttemptRun:
    """One attempt and what is known of it so far, whatever it ends with."""

    def __init__(
        self,
        runtime: Runtime,
        profile: Profile,
        scrutiny: Scrutiny,
        assignment: Assignment,
        note: Notify,
    ) -> None:
        self._runtime = runtime
        self._profile = profile
        self._scrutiny = scrutiny
        self._assignment = assignment
        self._note = note
        self._workspace = Workspace(runtime.files, assignment.task_id)
        self._folder = self._workspace.attempt(assignment.subtask_id, assignment.attempt)
        self._name = f"{assignment.subtask_id}-{assignment.attempt}"
        self._log = ToolLog()
        self._breaker = LoopBreaker(profile.loops, lambda: directory_fingerprint(self._folder))
        most = profile.max_corrections
        self._tried = Corrections(scrutiny.max_corrections if most is None else most)
        self._review: ReviewStep | None = None
        self._spent: tuple[ModelUsage, ...] = ()
        self._files: dict[str, str] = {}
        self._printed = ""

    def spent(self) -> Spent:
        """What it has cost and what was looked at so far."""
        return Spent(self._usage, self._tried.record(None))

    async def outcome(self, toolbox: Toolbox, reviewer: Reviewer | None) -> Outcome:
        """What became of it; everything that it started has ended when this returns."""
        seconds = self._deadline()
        readable = (self._workspace.path,)
        try:
            async with (
                asyncio.timeout(seconds),
                self._scrutiny.of(self._name, self._folder, readable, toolbox) as inspection,
            ):
                checks = await inspection.probed(self._wanted_checks())
                self._review = self._review_step(reviewer)
                verifier = Verifier(
                    self._assignment,
                    self._folder,
                    checks,
                    inspection.context,
                    self._review,
                    self._note,
                )
                session = ClaudeSession(self._settings(toolbox.tools))
                return await self._work(session, verifier, checks)
        except TimeoutError:
            return self._failed(FailureKind.TIMEOUT, f"not done after {seconds:.0f} seconds")
        except (ModelError, WorkspaceError) as error:
            return self._failed(error.kind, sentence(error))
        except OSError as error:
            return self._failed(FailureKind.RESOURCE, f"the workspace failed: {error.strerror}")

    def _wanted_checks(self) -> tuple[PlannedCheck, ...]:
        """The plan's checks, and those of the profile that the plan does not have already."""
        planned = self._assignment.checks
        there = {each.check for each in planned}
        return (*planned, *(each for each in self._profile.checks if each.check not in there))

    async def _work(
        self, session: ClaudeSession, verifier: Verifier, checks: tuple[PlannedCheck, ...]
    ) -> Outcome:
        try:
            async with session:
                prompt = task_prompt(self._assignment, self._workspace, self._folder, checks)
                output = await self._ask(session, prompt)
                look = await self._look(verifier, 0, output)
                while look.round.doubt is not None and not look.final:
                    if self._tried.exhausted:
                        break
                    look = await self._correct(session, verifier, look)
        finally:
            self._spent = session.spent
            self._tried.ended("interrupted", self._spent)
            metrics.spent("agent", self._spent)
        return self._concluded(look)

    async def _ask(self, session: ClaudeSession, prompt: str) -> Mapping[str, Any]:
        try:
            reply = await session.ask(prompt, self._observe)
        except ModelError as error:
            metrics.call_ended("agent", self._model, type(error).__name__)
            if not isinstance(error, MalformedOutput):
                raise
            self._note(Note("attempt", error.detail, level="warning"))
            return {}
        return reply.output

    async def _look(self, verifier: Verifier, number: int, output: Mapping[str, Any]) -> Look:
        look = await verifier.look(number, output, self._log.calls)
        self._printed = _last_output(look.round)
        if look.round.doubt is not None:
            self._files = await snapshot(self._folder)
        self._tried.looked(look.round, self._state(self._files, output) if look.steady else None)
        return look

    def _state(self, files: Mapping[str, str], output: Mapping[str, Any]) -> ResultState:
        return ResultState(self._folder, files, output, self._log.calls)

    async def _correct(self, session: ClaudeSession, verifier: Verifier, failed: Look) -> Look:
        """Send the result back; a state that failed before is not looked at again."""
        doubt, problems = failed.round.doubt, failed.round.problems
        assert doubt is not None  # that is why it goes back  # noqa: S101
        number = self._tried.number + 1
        self._tell_return(number, doubt, problems)
        prompt = correction_prompt(number, self._tried.most, doubt, problems, self._tried.made)
        self._tried.began(failed.round, session.spent)
        output = await self._ask(session, prompt)
        before, self._files = self._files, await snapshot(self._folder)
        self._tried.answered(changes(before, self._files))
        repeated = self._tried.has_failed(self._state(self._files, output))
        if repeated:
            look = Look(Round(number=number, doubt=doubt, problems=_repeated(problems)))
            self._tried.looked(look.round)
        else:
            look = await self._look(verifier, number, output)
        self._tried.ended("repeated" if repeated else _came_of(look), session.spent)
        return look

    def _concluded(self, look: Look) -> Outcome:
        """A result counts only if nothing stands against it."""
        result, doubt = look.result, look.round.doubt
        if result is not None and look.gave_up:
            return self._failed(FailureKind.BUSINESS, result.reason or result.summary)
        if doubt is None and result is not None:
            record = self._tried.record(evidence_of(look.round))
            return Completed(result, look.files, self._usage, record)
        number = self._tried.number
        after = f"after {number} correction{'s' if number != 1 else ''}" if number else "at once"
        kind = _KINDS[doubt] if doubt is not None else FailureKind.BUSINESS
        gist = "; ".join(problem.split("\n", 1)[0] for problem in look.round.problems)
        return self._failed(kind, f"not accepted ({after}): {gist}\n{self._printed}".rstrip())

    def _failed(self, kind: FailureKind, error: str) -> Failed:
        return Failed(kind, error, self._usage, self._tried.record(None))

    @property
    def _model(self) -> str:
        return self._profile.model or self._runtime.model

    @property
    def _usage(self) -> tuple[ModelUsage, ...]:
        return (*self._spent, *(self._review.usage if self._review else ()))

    def _observe(self, event: SessionEvent) -> None:
        """Tell people, keep the log, and stop what goes in circles."""
        told = note_of(event)
        if told is not None:
            own, shared = f"{self._folder}/", f"{self._workspace.path}/"
            self._note(replace(told, message=told.message.replace(own, "").replace(shared, "")))
        session_said(event, self._model)
        self._log.observe(event)
        self._breaker.observe(event)

    def _tell_return(self, number: int, doubt: Doubt, problems: tuple[str, ...]) -> None:
        times = self._tried.times_failed(problems)
        again = f" (the same failure for the {times}. time)" if times > 1 else ""
        text = f"sent back, correction {number} of {self._tried.most}{again}: {problems[0]}"
        data = {"number": number, "doubt": doubt, "problems": list(problems)}
        self._note(Note("correction.attempt", text[:500], level="warning", data=data))

    def _review_step(self, reviewer: Reviewer | None) -> ReviewStep | None:
        """None where no review is wanted, or where only some are and there is no reviewer."""
        policy = self._assignment.review or self._profile.review or self._scrutiny.review
        must = policy == "always"
        share = self._scrutiny.review_share
        wanted = review_wanted(policy, share, self._assignment.subtask_id)
        if not wanted or (reviewer is None and not must):
            return None
        return ReviewStep(self._assignment, self._folder, reviewer, self._note, must=must)

    def _deadline(self) -> float:
        usual = self._profile.deadline_seconds or self._runtime.attempt_seconds
        return max(usual, min(3.0 * self._assignment.estimated_seconds, _LONGEST))

    def _settings(self, tools: Tools) -> SessionSettings:
        runtime = self._runtime
        return SessionSettings(
            marker=f"{runtime.marker}/{self._name}",
            system_prompt=system_prompt(self._profile),
            model=self._model,
            fallback_model=runtime.fallback_model,
            working_directory=self._folder,
            config_directory=runtime.scratch / f"session-{self._name}",
            output_schema=result_schema(),
            environment=runtime.environment,
            tools=self._profile.tools,
            mcp_tools=tools,
            readable=(self._workspace.path,),
            hidden=runtime.hidden,
            subagents={"helper": _HELPER},
            max_turns=self._profile.max_turns,
            sandbox=runtime.sandbox,
            objection=self._breaker.objection,
        )


def _last_output(look: Round) -> str:
    """The end of what the last failed check printed."""
    printed = [check.output for check in look.checks if check.outcome == "failed" and check.output]
    return printed[-1][-_PRINTED:] if printed else ""


def _came_of(look: Look) -> CorrectionOutcome:
    if look.gave_up:
        return "gave_up"
    return "passed" if look.round.doubt is None else "failed"


def _repeated(problems: tuple[str, ...]) -> tuple[str, ...]:
    return (REPEATED, *(problem for problem in problems if problem != REPEATED))
