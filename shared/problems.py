"""Errors as RFC 9457 problem details: one handler, one shape, for every service."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from shared.errors import QuintetError, RequestError, TooLarge

_log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
_SYNTAX = "check its syntax"
_MOST_ERRORS = 20
_LONGEST_NAME = 200
_PARTS = frozenset({"body", "query", "path", "header", "cookie"})


class FieldError(BaseModel):
    """One field that is not acceptable, and why."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details; `type` is stable, `remedy` says what to do."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:quintet:problem:not-found"])
    title: str
    status: int
    detail: str
    remedy: str | None = None
    errors: list[FieldError] | None = None


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for problems with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "Problem details", "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of the app with problem details, and say so in its OpenAPI."""
    app.add_exception_handler(QuintetError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _unexpected)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]


class SmallBody(APIRoute):
    """A route that reads its body first, and refuses one over 128 KiB before it is all there."""

    most = 1 << 17

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, given a request whose body has been read."""
        handle = super().get_route_handler()

        async def bounded_handle(request: Request) -> Response:
            refusal = TooLarge(
                f"the body is longer than {self.most >> 10} KiB",
                slug="body-too-large",
                remedy="send only the fields that are documented",
            )
            small = Request(request.scope, bounded(request, self.most, refusal))
            await small.body()
            return await handle(small)

        return bounded_handle


def bounded(request: Request, limit: int, refusal: TooLarge) -> Receive:
    """The request's body, refused as soon as it grows over the limit."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        raise refusal
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise refusal
        return message

    return receive


def problem(
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    remedy: str = "",
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> JSONResponse:
    """One problem as a response."""
    body: dict[str, Any] = {
        "type": f"urn:quintet:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if remedy:
        body["remedy"] = remedy
    return JSONResponse(body | extra, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Pydantic's findings as field and message, the first few of them."""
    found = [{"field": _field(error["loc"]), "message": str(error["msg"])} for error in errors]
    if len(found) > _MOST_ERRORS:
        rest = len(found) - _MOST_ERRORS
        found[_MOST_ERRORS:] = [{"field": "body", "message": f"and {rest} more findings"}]
    return found


def _field(place: Sequence[str | int]) -> str:
    """Where a finding is; a name that came with the request is cut and made encodable."""
    named = [str(part) for part in place]
    if len(named) > 1 and named[0] in _PARTS:
        named = named[1:]
    name = ".".join(named) or "body"
    return name[:_LONGEST_NAME].encode("utf-8", "backslashreplace").decode()


async def _ours(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, QuintetError)  # registered for this class only  # noqa: S101
    if not isinstance(error, RequestError):
        _log.error("request failed", error=error.detail)
        return problem(500, "internal", error.title, error.detail, remedy=error.remedy)
    headers = {"Retry-After": "2"} if error.status == 503 else None
    return problem(
        error.status,
        error.problem_slug,
        error.title,
        error.detail,
        remedy=error.remedy,
        headers=headers,
        **error.extra,
    )


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # as registered  # noqa: S101
    details = error.errors()
    if details and details[0]["type"] == "json_invalid":
        detail = "the body is not well-formed JSON"
        return problem(400, "malformed-json", "The body cannot be read", detail, remedy=_SYNTAX)
    found = field_errors(details)
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in found)
    return problem(422, "invalid-request", "The request is not valid", detail, errors=found)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # as registered  # noqa: S101
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _allowed(request, headers.get("Allow", ""))
    slugs = {404: "not-found", 405: "method-not-allowed"}
    slug = slugs.get(error.status_code, "http-error")
    remedies = {
        404: "look at /docs for what there is",
        405: f"use {headers.get('Allow', '')}",
    }
    remedy = remedies.get(error.status_code, "")
    title = str(error.detail)
    return problem(error.status_code, slug, title, title, remedy=remedy, headers=headers)


def _allowed(request: Request, known: str) -> str:
    """What the address can be asked with; `known` names only one of its routes."""
    here = getattr(request.scope.get("route"), "path", None)
    methods = {
        method
        for route in iter_route_contexts(request.app.routes)
        if here is not None and route.path == here
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods or known.split(", ")))


async def _left(_: Request, __: Exception) -> JSONResponse:
    """Nobody is there to read this, and nothing of ours has failed."""
    return problem(400, "malformed-body", "The body cannot be read", "the body ended too early")


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    _log.exception("unexpected error", exc_info=error)
    return problem(
        500,
        "internal",
        "Something went wrong here",
        "an unexpected error was logged",
        remedy="try again; if it stays, look at the orchestrator's log",
    )


def _describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with problem details in the place of FastAPI's own error shape."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        parts = schema["components"]["schemas"]
        for name in ("HTTPValidationError", "ValidationError"):
            parts.pop(name, None)
        described = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts |= described.pop("$defs", {}) | {"Problem": described}
        app.openapi_schema = schema
    return app.openapi_schema
