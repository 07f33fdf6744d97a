"""Typed clients of the orchestrator's API, one that waits and one that awaits.

    with QuintetClient() as quintet:
        task = quintet.submit("Which region sold most?", files=[Upload("sales.csv", data)])
        print(quintet.task(task.id).task.status)

Both raise the errors of `shared.errors` for what the service refuses, `ServiceUnreachable` when
nobody answers and `ServiceFailed` when the answer makes no sense.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import cache
from ssl import SSLContext
from typing import Any, Concatenate, ParamSpec, Self, TypeVar
from uuid import UUID

import httpx
from pydantic import ValidationError

from shared.errors import ConfigurationError
from ui import calls
from ui.calls import Call, Upload
from ui.event_reader import FollowedEvent, Told, Wish, aread_events, read_events
from ui.refusals import ServiceFailed, ServiceUnreachable, refusal, unreachable, without_login

__all__ = [
    "AsyncQuintetClient",
    "FollowedEvent",
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


def service_url() -> str:
    """Where the orchestrator is: QUINTET_API_URL, or this machine's port 8000."""
    return os.environ.get("QUINTET_API_URL") or "http://127.0.0.1:8000"


def _checked(url: str | None) -> str:
    address = (url or service_url()).rstrip("/")
    if not address.startswith(("http://", "https://")) or not _is_url(address):
        raise ConfigurationError(
            f"{without_login(address)!r} is not an address of the orchestrator.",
            remedy="Set QUINTET_API_URL to something like http://127.0.0.1:8000.",
        )
    return address


def _is_url(address: str) -> bool:
    try:
        return bool(httpx.URL(address).host)
    except httpx.InvalidURL:
        return False


@cache
def _tls() -> SSLContext:
    # Reading the certificates takes 30 ms, and a process may make many clients.
    return httpx.create_ssl_context()


def _read(call: Call[T], response: httpx.Response) -> T:
    if not response.is_success:
        raise refusal(response)
    try:
        return call.read(response)
    except ValidationError as error:
        raise ServiceFailed(
            f"The answer to {call.method} {call.path} is not one that this client understands.",
            status=response.status_code,
            remedy="Is QUINTET_API_URL the orchestrator, and of this client's version?",
        ) from error


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
            raise unreachable(error, self.url) from error
        return _read(call, response)

    def events(
        self,
        task_id: UUID | None = None,
        *,
        after: str | None = None,
        until_end: bool = False,
        away_seconds: float = 60.0,
    ) -> Generator[Told, None, None]:
        """What happens to a task, from its beginning or behind a cursor, and then as it happens.

        Without a task: to all of them, from now on. A lost connection is made again, for up to
        `away_seconds`; a notice of type `gap` says that events are missing: look at the task anew.
        `until_end` ends it with the task, otherwise it goes on as a rerun may come. `after="now"`
        leaves out what was before, and first tells a notice `alive`: look at the task then.
        """
        return read_events(self._http, self.url, Wish(task_id, after, until_end, away_seconds))

    submit = _blocking(calls.submit)
    tasks = _blocking(calls.tasks)
    task = _blocking(calls.task)
    cancel = _blocking(calls.cancel)
    retry = _blocking(calls.retry)
    plan = _blocking(calls.plan)
    plan_versions = _blocking(calls.plan_versions)
    compare_plans = _blocking(calls.compare_plans)
    edit_plan = _blocking(calls.edit_plan)
    approve = _blocking(calls.approve)
    reject = _blocking(calls.reject)
    pause = _blocking(calls.pause)
    resume = _blocking(calls.resume)
    prioritise = _blocking(calls.prioritise)
    cancel_subtask = _blocking(calls.cancel_subtask)
    preview_rerun = _blocking(calls.preview_rerun)
    rerun = _blocking(calls.rerun)
    logs = _blocking(calls.logs)
    attempts = _blocking(calls.attempts)
    artifacts = _blocking(calls.artifacts)
    artifact = _blocking(calls.artifact)
    agents = _blocking(calls.agents)
    agents_at_work = _blocking(calls.agents_at_work)
    agent_history = _blocking(calls.agent_history)
    system = _blocking(calls.system)
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
            raise unreachable(error, self.url) from error
        return _read(call, response)

    def events(
        self,
        task_id: UUID | None = None,
        *,
        after: str | None = None,
        until_end: bool = False,
        away_seconds: float = 60.0,
    ) -> AsyncGenerator[Told, None]:
        """As `QuintetClient.events`; iterate within `contextlib.aclosing` to hang up in time."""
        return aread_events(self._http, self.url, Wish(task_id, after, until_end, away_seconds))

    submit = _awaited(calls.submit)
    tasks = _awaited(calls.tasks)
    task = _awaited(calls.task)
    cancel = _awaited(calls.cancel)
    retry = _awaited(calls.retry)
    plan = _awaited(calls.plan)
    plan_versions = _awaited(calls.plan_versions)
    compare_plans = _awaited(calls.compare_plans)
    edit_plan = _awaited(calls.edit_plan)
    approve = _awaited(calls.approve)
    reject = _awaited(calls.reject)
    pause = _awaited(calls.pause)
    resume = _awaited(calls.resume)
    prioritise = _awaited(calls.prioritise)
    cancel_subtask = _awaited(calls.cancel_subtask)
    preview_rerun = _awaited(calls.preview_rerun)
    rerun = _awaited(calls.rerun)
    logs = _awaited(calls.logs)
    attempts = _awaited(calls.attempts)
    artifacts = _awaited(calls.artifacts)
    artifact = _awaited(calls.artifact)
    agents = _awaited(calls.agents)
    agents_at_work = _awaited(calls.agents_at_work)
    agent_history = _awaited(calls.agent_history)
    system = _awaited(calls.system)
    ready = _awaited(calls.ready)
