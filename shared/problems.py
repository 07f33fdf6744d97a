"""Errors as RFC 9457 problem details: one handler, one shape, for every service."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from shared.errors import QuintetError, RequestError

_log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


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
    app.add_exception_handler(Exception, _unexpected)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]


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
    """Pydantic's findings as field and message."""
    return [
        {
            "field": ".".join(str(part) for part in error["loc"] if part != "body") or "body",
            "message": str(error["msg"]),
        }
        for error in errors
    ]


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
    found = field_errors(error.errors())
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in found)
    return problem(422, "invalid-request", "The request is not valid", detail, errors=found)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # as registered  # noqa: S101
    slugs = {404: "not-found", 405: "method-not-allowed"}
    slug = slugs.get(error.status_code, "http-error")
    title = str(error.detail)
    return problem(error.status_code, slug, title, title, headers=error.headers)


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
