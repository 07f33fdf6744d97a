"""Structured logs: JSON for machines or text for people, ids bound by context, no secrets."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

import structlog
from pydantic import ValidationError
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.errors import QuintetError

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET = re.compile(
    r"sk-[A-Za-z0-9_-]{8,}"  # keys of the Messages API
    r"|(?<=://)[^/\s:@]*:[^/\s\"']+(?=@)"  # user:password in a URL
    r"|(?i:(?<=bearer )[^\s\"']+)"
)
_KEY_HEADER = re.compile(r"(?i)(x-api-key[\"']?\s*[:=]\s*[\"']?)[^\s\"',]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without anything that looks like, or is, a secret."""
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, "[redacted]")
    return _KEY_HEADER.sub(r"\1[redacted]", _SECRET.sub("[redacted]", text))


def configure(*, level: str, form: str, service: str, stream: TextIO | None = None) -> None:
    """Set up logging for this process; call once, from `__main__`."""
    render: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redacted,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(
        level=max(_LEVELS[level], logging.WARNING), stream=stream or sys.stdout, force=True
    )


def _redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: _clean(value) for key, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return redact(str(value)) if isinstance(value, BaseException) else value


def startup_message(who: str, error: QuintetError | ValidationError) -> str:
    """Why a process cannot start, and what to do, without any value that may be a secret."""
    if isinstance(error, QuintetError):
        tail = f"\n{error.remedy}" if error.remedy else ""
        return f"{who} cannot start: {error.detail}{tail}"
    wrong = [
        f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_input=False, include_url=False)
    ]
    return "\n".join([f"{who} cannot start: settings are missing or wrong", *wrong])
