"""Answers of the service that are no records: its refusals and failures as errors of ours."""

import re
from typing import Any

import httpx

from shared.errors import (
    Busy,
    Conflict,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    QuintetError,
    RequestError,
    TooLarge,
)

_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
REFUSALS: dict[int, type[RequestError]] = {
    400: InvalidRequest,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: InvalidRequest,
    503: Busy,
}


class ServiceUnreachable(QuintetError):
    """Nobody answers at the address, or not in time."""

    title = "The orchestrator cannot be reached"


class ServiceFailed(QuintetError):
    """The service answered with a failure of its own, or with something that is not its API."""

    title = "The orchestrator failed to answer"

    def __init__(self, detail: str, *, status: int, remedy: str = "", **extra: Any) -> None:
        super().__init__(detail, remedy=remedy, **extra)
        self.status = status


class AlreadyDone(Conflict):
    """Somebody, perhaps the same person, has asked for just that a moment ago."""

    title = "Nothing to do"


def may_pass(error: BaseException) -> bool:
    """Whether it is one of those that a restart of the service brings, and that end with it."""
    if isinstance(error, ServiceFailed):
        return error.status >= 500
    return isinstance(
        error, ServiceUnreachable | Busy | DependencyUnavailable | httpx.TransportError
    )


def refusal(response: httpx.Response) -> QuintetError:
    """The error that an answer stands for; its body has been read."""
    problem = _problem(response)
    status = response.status_code
    detail = str(
        problem.get("detail") or f"{without_login(str(response.request.url))} answered {status}."
    )
    remedy = str(problem.get("remedy") or "")
    known = {"type", "title", "status", "detail", "remedy"}
    extra = {name: value for name, value in problem.items() if name.isidentifier()}
    extra = {name: value for name, value in extra.items() if name not in known | {"slug"}}
    slug = str(problem.get("type", "")).replace(":", "/").rsplit("/", 1)[-1]
    if slug == DependencyUnavailable.slug:
        return DependencyUnavailable(detail, remedy=remedy, **extra)
    if status < 500 or status in REFUSALS:
        kind = _KINDS.get(slug) or REFUSALS.get(status, RequestError)
        return kind(detail, slug=slug, remedy=remedy, **extra)
    return ServiceFailed(detail, status=status, remedy=remedy or "Look at the orchestrator's log.")


def faults(error: QuintetError) -> list[str]:
    """What a refusal lists as wrong, a sentence each, behind the field that it is about."""
    told = error.extra.get("errors")
    return [_fault(each) for each in told] if isinstance(told, list) else []


def unsaid_faults(error: QuintetError) -> list[str]:
    """Those that the error's detail does not repeat."""
    return [fault for fault in faults(error) if fault not in error.detail]


def _fault(told: object) -> str:
    if not isinstance(told, dict):
        return str(told)
    field, words = str(told.get("field") or "plan"), str(told.get("message") or told)
    return words if field in _WHOLE else f"{field}: {words}"


def unreachable(error: Exception, url: str) -> ServiceUnreachable:
    """The error for a connection that could not be made, was lost, or stayed silent."""
    url = without_login(url)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ServiceUnreachable(
            f"Nothing answers at {url}.",
            remedy="Start Quintet with scripts/start.sh, or set QUINTET_API_URL to where it runs.",
        )
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return ServiceUnreachable(
            f"{url} did not answer in time.", remedy="Try again; look at the orchestrator's log."
        )
    return ServiceUnreachable(
        f"The connection to {url} was lost.", remedy="Try again in a few seconds."
    )


def without_login(address: str) -> str:
    """An address as it may be shown: a login in it is nobody's business."""
    return _LOGIN.sub("", address)


_KINDS: dict[str, type[RequestError]] = {"already-cancelling": AlreadyDone}
_WHOLE = ("plan", "edit")
"""Faults of these name their place themselves."""


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
