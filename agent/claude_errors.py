"""What went wrong in a session, in our words; judged by fields, never by text."""

from collections.abc import Iterable, Mapping

from claude_agent_sdk import CLINotFoundError, ProcessError, ResultMessage

from shared.errors import (
    ConfigurationError,
    MalformedOutput,
    ModelCutOff,
    ModelError,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelUnreachable,
    QuintetError,
    SessionLost,
    TurnsExhausted,
)
from shared.log import redact

DETAIL = 1000
INTERRUPTED = ("aborted_streaming", "aborted_tools")

Kinds = Mapping[str, type[ModelError]]

BY_SUBTYPE: Kinds = {
    "error_max_turns": TurnsExhausted,
    "error_max_structured_output_retries": MalformedOutput,
}
BY_TERMINAL_REASON: Kinds = {
    "max_turns": TurnsExhausted,
    "structured_output_retry_exhausted": MalformedOutput,
    "malformed_tool_use_exhausted": MalformedOutput,
    "prompt_too_long": ModelCutOff,
    "blocking_limit": ModelCutOff,
    "rapid_refill_breaker": ModelCutOff,
    "image_error": ModelRefused,
    "aborted_streaming": SessionLost,
    "aborted_tools": SessionLost,
    "turn_setup_failed": SessionLost,
}
BY_STOP_REASON: Kinds = {
    "refusal": ModelRefused,
    "max_tokens": ModelCutOff,
    "model_context_window_exceeded": ModelCutOff,
}
BY_API_ERROR: Kinds = {  # says more than a status
    "authentication_failed": ModelMisconfigured,
    "oauth_org_not_allowed": ModelMisconfigured,
    "billing_error": ModelMisconfigured,
    "model_not_found": ModelMisconfigured,
    "max_output_tokens": ModelCutOff,
}
BY_VAGUE_API_ERROR: Kinds = {  # says less than a status
    "rate_limit": ModelRateLimited,
    "overloaded": ModelRateLimited,
    "server_error": ModelUnreachable,
}
BY_STATUS: Mapping[int, type[ModelError]] = {
    401: ModelMisconfigured,
    402: ModelMisconfigured,
    403: ModelMisconfigured,
    404: ModelMisconfigured,
    413: ModelCutOff,
    429: ModelRateLimited,
    529: ModelRateLimited,
}
REMEDIES: Mapping[type[ModelError], str] = {
    ModelMisconfigured: "Check the API key, the account's credit and the model's name.",
    ModelRateLimited: "Wait, then retry; fewer agents at once need less of the limit.",
    ModelUnreachable: "Check the network and the API's address, then retry.",
    TurnsExhausted: "Split the subtask, or allow its profile more turns.",
    SessionLost: "Retry; if it happens again, the agent may have too little memory.",
}


def error_of(
    result: ResultMessage, api_error: str | None, stop_reason: str | None, secrets: Iterable[str]
) -> ModelError | None:
    """The error that a result stands for; `api_error` and `stop_reason` are the last message's."""
    stopped = result.stop_reason or stop_reason
    if not result.is_error and result.terminal_reason not in INTERRUPTED and stopped != "refusal":
        return None
    kind = _kind(result, api_error, stopped)
    said = "; ".join(result.errors or ()) or result.result or result.terminal_reason or "no reason"
    status = f" (HTTP {result.api_error_status})" if result.api_error_status else ""
    return _made(kind, f"{kind.title}{status}: {said}", secrets)


def _kind(result: ResultMessage, api_error: str | None, stopped: str | None) -> type[ModelError]:
    status = result.api_error_status
    return (
        BY_SUBTYPE.get(result.subtype)
        or BY_TERMINAL_REASON.get(result.terminal_reason or "")
        or BY_STOP_REASON.get(stopped or "")
        or BY_API_ERROR.get(api_error or "")
        or (_by_status(status) if status else None)
        or BY_VAGUE_API_ERROR.get(api_error or "")
        or (ModelUnreachable if result.terminal_reason == "api_error" else SessionLost)
    )


def _by_status(status: int) -> type[ModelError]:
    # what is left of 4xx: the API will not take this request, however often it is sent
    refused = 400 <= status < 500 and status not in (408, 409)
    return BY_STATUS.get(status) or (ModelRefused if refused else ModelUnreachable)


def lost(error: Exception | None, stderr: Iterable[str], secrets: Iterable[str]) -> QuintetError:
    """The error for a session whose process failed or fell silent."""
    if isinstance(error, CLINotFoundError):
        return ConfigurationError(
            "The agent's program could not be started.",
            remedy="Reinstall claude-agent-sdk from a wheel for this platform.",
        )
    code = f" with exit code {error.exit_code}" if isinstance(error, ProcessError) else ""
    said = " | ".join(stderr) or (type(error).__name__ if error else "no result was sent")
    return _made(SessionLost, f"The agent's process ended{code}: {said}", secrets)


def _made(kind: type[ModelError], detail: str, secrets: Iterable[str]) -> ModelError:
    return kind(redact(detail, secrets)[:DETAIL], remedy=REMEDIES.get(kind, ""))
