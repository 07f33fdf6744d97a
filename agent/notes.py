"""Notes of running attempts on their way to the ledger: batched, bounded, never in the way."""

import asyncio
from collections import deque
from typing import Any

import structlog

from agent.attempt import Note
from shared.database.subtasks import SubtaskLedger
from shared.errors import QuintetError
from shared.log import redact
from shared.models import Assignment

_MESSAGE_CHARS = 8_192
_KEPT = 5_000
_log = structlog.get_logger(__name__)


class NoteWriter:
    """Takes notes at once, writes them soon; when the ledger is away the oldest are dropped."""

    def __init__(
        self, ledger: SubtaskLedger, *, agent_id: str, secrets: tuple[str, ...] = ()
    ) -> None:
        self._ledger = ledger
        self._agent_id = agent_id
        self._secrets = secrets
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._dropped = 0
        self._bell = asyncio.Event()

    def add(self, assignment: Assignment, note: Note) -> None:
        """Take one note."""
        if len(self._waiting) == _KEPT:
            self._dropped += 1
        self._waiting.append(
            {
                "task_id": assignment.task_id,
                "subtask_id": assignment.subtask_id,
                "attempt": assignment.attempt,
                "agent_id": self._agent_id,
                "level": note.level,
                "kind": note.kind,
                "message": redact(note.message[:_MESSAGE_CHARS], self._secrets),
                "data": {
                    key: redact(value, self._secrets) if isinstance(value, str) else value
                    for key, value in (note.data or {}).items()
                },
            }
        )
        self._bell.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            await self.flush()
            await asyncio.sleep(0.1)  # a busy session says much; a batch is cheaper

    async def flush(self) -> None:
        """Write what waits."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), 500))]
        if not batch:
            return
        try:
            await self._ledger.append_logs(batch)
        except QuintetError as error:
            _log.warning("notes not written", error=error.detail, notes=len(batch))
            self._dropped += len(batch)
            await asyncio.sleep(1)
        if self._dropped:
            _log.warning("notes dropped", dropped=self._dropped)
            self._dropped = 0
        if self._waiting:
            self._bell.set()
