"""The door to the Claude Agent SDK: one session is one CLI process and all that it starts."""

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psutil
import structlog
from claude_agent_sdk import ClaudeSDKClient, HookContext, HookInput, Message, ResultMessage
from claude_agent_sdk.types import HookJSONOutput

from agent.claude_errors import error_of, lost
from agent.claude_events import Narrator, OnEvent
from agent.claude_reply import Meter, SessionReply, reply_of
from agent.claude_settings import (
    Places,
    SessionSettings,
    clean,
    prepare,
    readable_roots,
    to_options,
)
from agent.environment import secrets_of
from agent.guard import PathGuard
from agent.process_tree import find_launcher, sweep
from shared.errors import WorkspaceError
from shared.models import ModelUsage

INTERRUPT_SECONDS = 1.0
KILL_AFTER_SECONDS = 2.0
POLL_SECONDS = 0.05
STDERR_LINES = 40

log = structlog.get_logger()


class ClaudeSession:
    """An async context manager; after its block nothing of the session is left running.

    Open it from the main thread: the launcher ends when the thread that started it does.
    """

    def __init__(self, settings: SessionSettings) -> None:
        self._settings = settings
        self._secrets = secrets_of(settings.environment)
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES)
        self._meter = Meter()
        self._narrator = Narrator(lambda _: None)
        self._asking = False
        self._places: Places
        self._guard: PathGuard
        self._client: ClaudeSDKClient
        self._messages: AsyncIterator[Message]
        self._launcher: psutil.Process | None = None

    @property
    def spent(self) -> tuple[ModelUsage, ...]:
        """Tokens and dollars of the whole session, also of questions that failed."""
        return self._meter.spent

    async def __aenter__(self) -> Self:
        try:
            self._places = await asyncio.to_thread(prepare, self._settings)
        except OSError as error:
            raise WorkspaceError(f"The session's directories cannot be made: {error}") from error
        roots = readable_roots(self._settings, self._places)
        self._guard = PathGuard(writable=self._settings.working_directory, readable=roots)
        options = to_options(self._settings, self._places, self._before_tool, self._stderr)
        self._client = ClaudeSDKClient(options)
        try:
            await self._connect()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def ask(self, prompt: str, on_event: OnEvent) -> SessionReply:
        """Put one question and wait for its structured answer; may be called again after it.

        Raises one of the `ModelError`s, and what `on_event` raises (not on ToolDenied, which is
        told from within a hook). Has no deadline of its own: cancel it. After a cancellation or
        an error of `on_event` the session can only be left.
        """
        if self._asking:
            raise RuntimeError("this session is still busy with an earlier question")
        self._asking = True
        self._narrator = Narrator(on_event)
        result = await self._answer(prompt)
        self._asking = False
        usage = self._meter.read(result)
        error = error_of(result, self._narrator.last_error, self._narrator.last_stop, self._secrets)
        if error is not None:
            raise error
        return reply_of(result, usage)

    async def interrupt(self) -> None:
        """Stop what is being done; the `ask` that waits for it raises SessionLost."""
        await self._client.interrupt()

    async def _connect(self) -> None:
        connecting = asyncio.create_task(self._client.connect())
        try:
            await asyncio.wait({connecting})
        except asyncio.CancelledError:
            await _outlast(asyncio.create_task(self._abandon(connecting)))
            raise
        if (error := connecting.exception()) is not None:
            raise self._lost(error) from error
        self._launcher = find_launcher(self._places.pid_file)
        self._messages = self._client.receive_messages()

    async def _abandon(self, connecting: asyncio.Task[None]) -> None:
        # The SDK closes only a process that it knows: connecting has to fail, not to be cut off.
        patience = KILL_AFTER_SECONDS
        while not connecting.done():
            self._terminate()
            await asyncio.wait({connecting}, timeout=POLL_SECONDS)
            patience -= POLL_SECONDS
            if patience < 0:
                connecting.cancel()
        if not connecting.cancelled() and (error := connecting.exception()) is not None:
            log.debug("session abandoned while it started", error=type(error).__name__)

    async def _answer(self, prompt: str) -> ResultMessage:
        question = str(uuid.uuid4())
        try:
            await self._client.query(_as_stream(prompt, question))
        except Exception as error:
            raise self._lost(error) from error
        while True:
            message = await self._next()
            self._narrator.observe(message)
            # a turn that the CLI began by itself ends in a result of its own
            if isinstance(message, ResultMessage) and message.user_message_uuid in (None, question):
                return message

    async def _next(self) -> Message:
        try:
            return await anext(self._messages)
        except StopAsyncIteration as error:
            raise self._lost(None) from error
        except Exception as error:
            raise self._lost(error) from error

    def _lost(self, error: BaseException | None) -> Exception:
        self._asking = False  # there is nobody left to interrupt
        cause = error if isinstance(error, Exception) else None
        return lost(cause, self._stderr, self._secrets)

    async def _before_tool(self, call: HookInput, _: str | None, __: HookContext) -> HookJSONOutput:
        if call["hook_event_name"] != "PreToolUse":
            return {}
        reason = self._refusal(call["tool_name"], call["tool_input"])
        if reason is None:
            return {}
        self._narrator.denied(call["tool_use_id"], call["tool_name"], reason)
        return {
            "hookSpecificOutput": {
                "hookEventName": "PreToolUse",
                "permissionDecision": "deny",
                "permissionDecisionReason": reason,
            }
        }

    def _refusal(self, tool: str, arguments: Mapping[str, Any]) -> str | None:
        refused = self._guard.refusal(tool, arguments)
        if refused is not None or self._settings.objection is None:
            return refused
        return self._settings.objection(tool, arguments)

    async def _end(self) -> None:
        """Close, whatever happens; a cancellation that arrives meanwhile is raised after it."""
        closing = asyncio.create_task(self._close())
        cancelled = await _outlast(closing)
        closing.result()
        if cancelled is not None:
            raise cancelled

    async def _close(self) -> None:
        if self._asking:
            await self._settle_question()
        self._terminate()
        last_resort = asyncio.get_running_loop().call_later(KILL_AFTER_SECONDS, self._kill)
        try:
            await self._client.disconnect()
        finally:
            last_resort.cancel()
            if left := await sweep(self._settings.marker):
                log.error("processes of an attempt could not be ended", pids=left)
            await asyncio.to_thread(clean, self._places)

    async def _settle_question(self) -> None:
        """Interrupt, and wait a little for the result that says what was spent."""
        self._narrator = Narrator(lambda _: None)
        self._messages = self._client.receive_messages()
        try:
            async with asyncio.timeout(INTERRUPT_SECONDS):
                await self._client.interrupt()
                while not isinstance(message := await anext(self._messages), ResultMessage):
                    continue
            self._meter.read(message)
        except Exception as error:  # noqa: BLE001 - it is on its way out: the launcher ends it
            log.info("session did not take the interrupt", error=type(error).__name__)

    def _terminate(self) -> None:
        self._launcher = self._launcher or find_launcher(self._places.pid_file)
        with suppress(psutil.NoSuchProcess):
            if self._launcher is not None:
                self._launcher.terminate()

    def _kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            if self._launcher is not None:
                self._launcher.kill()


async def _outlast(task: asyncio.Task[None]) -> asyncio.CancelledError | None:
    """Wait until the task is done, however often we are cancelled; tells whether we were."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    return cancelled


async def _as_stream(prompt: str, identity: str) -> AsyncIterator[dict[str, Any]]:
    yield {
        "type": "user",
        "uuid": identity,
        "message": {"role": "user", "content": prompt},
        "parent_tool_use_id": None,
    }
