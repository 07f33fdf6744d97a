"""Typed clients of the orchestrator's API, one that waits and one that awaits.

    with QuintetClient() as quintet:
        task = quintet.submit("Which region sold most?", files=[Upload("sales.csv", data)])
        print(quintet.task(task.id).task.status)

Both raise the errors of `shared.errors` for what the service refuses, `ServiceUnreachable` when
nobody answers and `ServiceFailed` when the answer makes no sense.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import cache
from ssl import SSLContext
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx
from pydantic import ValidationError

from shared.errors import (
    Busy,
    ConfigurationError,
    Conflict,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    QuintetError,
    RequestError,
    TooLarge,
)
from ui import calls
from ui.calls import Call, Upload

__all__ = [
    "AsyncQuintetClient",
    "QuintetClient",
    "ServiceFailed",
    "ServiceUnreachable",
    "Upload",
    "service_url",
]

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 2.0
CONNECTION_LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
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


def service_url() -> str:
    """Where the orchestrator is: QUINTET_API_URL, or this machine's port 8000."""
    return os.environ.get("QUINTET_API_URL") or "http://127.0.0.1:8000"


def _checked(url: str | None) -> str:
    address = (url or service_url()).rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"{address!r} is not an address of the orchestrator.",
            remedy="Set QUINTET_API_URL to something like http://127.0.0.1:8000.",
        )
    return address


@cache
def _tls() -> SSLContext:
    # Reading the certificates takes 30 ms, and a process may make many clients.
    return httpx.create_ssl_context()


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _refusal(response: httpx.Response) -> QuintetError:
    problem = _problem(response)
    status = response.status_code
    detail = str(problem.get("detail") or f"{response.request.url} answered {status}.")
    remedy = str(problem.get("remedy") or "")
    known = {"type", "title", "status", "detail", "remedy"}
    extra = {name: value for name, value in problem.items() if name.isidentifier()}
    extra = {name: value for name, value in extra.items() if name not in known | {"slug"}}
    slug = str(problem.get("type", "")).replace(":", "/").rsplit("/", 1)[-1]
    if slug == DependencyUnavailable.slug:
        return DependencyUnavailable(detail, remedy=remedy, **extra)
    if status < 500 or status in REFUSALS:
        refusal = REFUSALS.get(status, RequestError)
        return refusal(detail, slug=slug, remedy=remedy, **extra)
    return ServiceFailed(detail, status=status, remedy=remedy or "Look at the orchestrator's log.")


def _read(call: Call[T], response: httpx.Response) -> T:
    if not response.is_success:
        raise _refusal(response)
    try:
        return call.read(response)
    except ValidationError as error:
        raise ServiceFailed(
            f"The answer to {call.method} {call.path} is not one that this client understands.",
            status=response.status_code,
            remedy="Is QUINTET_API_URL the orchestrator, and of this client's version?",
        ) from error


def _unreachable(error: Exception, url: str) -> ServiceUnreachable:
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


def _arguments(call: Call[Any], patience: float | None) -> dict[str, Any]:
    seconds = min(call.seconds, patience) if patience else call.seconds
    return {
        "method": call.method,
        "url": call.path,
        "params": call.query,
        "headers": dict(call.headers),
        "json": call.json,
        "data": call.form,
        "files": [("files", (f.name, f.content, f.media_type)) for f in call.files] or None,
        "timeout": httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
    }


def _blocking(ask: Callable[P, Call[T]]) -> "Callable[Concatenate[QuintetClient, P], T]":
    def method(self: "QuintetClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.send(ask(*args, **kwargs))

    method.__doc__ = ask.__doc__
    return method


def _awaited(
    ask: Callable[P, Call[T]],
) -> "Callable[Concatenate[AsyncQuintetClient, P], Coroutine[Any, Any, T]]":
    async def method(self: "AsyncQuintetClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(ask(*args, **kwargs))

    method.__doc__ = ask.__doc__
    return method


class QuintetClient:
    """Blocking client with a pool of connections; `patience` caps every wait, in seconds."""

    def __init__(self, url: str | None = None, *, patience: float | None = None) -> None:
        self.url = _checked(url)
        self._patience = patience
        self._http = httpx.Client(base_url=self.url, verify=_tls())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def send(self, call: Call[T]) -> T:
        """Send one request, once more if the connection was lost and that is harmless."""
        arguments = _arguments(call, self._patience)
        try:
            try:
                response = self._http.request(**arguments)
            except CONNECTION_LOST:
                if not call.repeatable:
                    raise
                response = self._http.request(**arguments)
        except httpx.TransportError as error:
            raise _unreachable(error, self.url) from error
        return _read(call, response)

    submit = _blocking(calls.submit)
    tasks = _blocking(calls.tasks)
    task = _blocking(calls.task)
    cancel = _blocking(calls.cancel)
    retry = _blocking(calls.retry)
    logs = _blocking(calls.logs)
    attempts = _blocking(calls.attempts)
    artifacts = _blocking(calls.artifacts)
    artifact = _blocking(calls.artifact)
    agents = _blocking(calls.agents)
    ready = _blocking(calls.ready)


class AsyncQuintetClient:
    """The same for asyncio; each call as a whole ends within its deadline."""

    def __init__(self, url: str | None = None, *, patience: float | None = None) -> None:
        self.url = _checked(url)
        self._patience = patience
        self._http = httpx.AsyncClient(base_url=self.url, verify=_tls())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def send(self, call: Call[T]) -> T:
        """Send one request, once more if the connection was lost and that is harmless."""
        arguments = _arguments(call, self._patience)
        try:
            async with asyncio.timeout(min(call.seconds, self._patience or call.seconds)):
                try:
                    response = await self._http.request(**arguments)
                except CONNECTION_LOST:
                    if not call.repeatable:
                        raise
                    response = await self._http.request(**arguments)
        except (httpx.TransportError, TimeoutError) as error:
            raise _unreachable(error, self.url) from error
        return _read(call, response)

    submit = _awaited(calls.submit)
    tasks = _awaited(calls.tasks)
    task = _awaited(calls.task)
    cancel = _awaited(calls.cancel)
    retry = _awaited(calls.retry)
    logs = _awaited(calls.logs)
    attempts = _awaited(calls.attempts)
    artifacts = _awaited(calls.artifacts)
    artifact = _awaited(calls.artifact)
    agents = _awaited(calls.agents)
    ready = _awaited(calls.ready)
