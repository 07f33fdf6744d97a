"""The simulator's HTTP interface: the Messages API, its errors, health and control."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp

from scripts.claude_simulator import model, sse
from scripts.claude_simulator.control import control_router
from scripts.claude_simulator.exchanges import ExchangeLog
from scripts.claude_simulator.faults import Fault, FaultBoard, FaultKind
from scripts.claude_simulator.markers import Markers, read_markers
from scripts.claude_simulator.messages import (
    Caller,
    InvalidRequestError,
    ModelRequest,
    read_request,
)
from scripts.claude_simulator.reply import Reply, cut_to, refuse, say
from scripts.claude_simulator.responses import (
    CutResponse,
    SimulatedHeader,
    api_error,
    fault_error,
    paced,
    whole,
)
from scripts.claude_simulator.scenario import Scenario
from scripts.claude_simulator.usage import CHARACTERS_PER_TOKEN, PromptCache, prompt_tokens

DEFAULT_DELAY = 0.15


class Simulator:
    """What one simulator keeps between requests: faults to come, cached prefixes, a bounded log."""

    def __init__(self, scenarios: Sequence[Scenario], delay: float) -> None:
        self.scenarios = scenarios
        self.delay = delay
        self.faults = FaultBoard()
        self.exchanges = ExchangeLog()
        self.cache = PromptCache()

    async def respond(self, raw: bytes) -> Response:
        """The response to the body of a `POST /v1/messages`."""
        request = _parse(raw)
        markers = read_markers(model.person_asks(request))
        fault = self._fault(request, markers)
        kind = fault.kind if fault else None
        self.exchanges.add(request.caller, request.model, request.stream, kind, raw)
        if fault and (error := fault_error(fault)):
            return error
        reply = self._reply(request, fault)
        pause = self.delay + markers.slow if request.caller is Caller.AGENT else 0.0
        return await self._deliver(request, reply, fault, pause)

    def _fault(self, request: ModelRequest, markers: Markers) -> Fault | None:
        if fault := self.faults.take(request.caller):
            return fault
        marked = [fault for fault in markers.faults if fault.concerns(request.caller)]
        cyclic = [fault for fault in marked if fault.kind is FaultKind.CYCLIC_PLAN]
        if cyclic and request.answers_so_far() < cyclic[0].times:
            return cyclic[0]
        others = [fault for fault in marked if fault.kind is not FaultKind.CYCLIC_PLAN]
        if not others or request.answers_so_far():
            return None
        return self.faults.take_marked(model.conversation_key(request), others)

    def _reply(self, request: ModelRequest, fault: Fault | None) -> Reply:
        kind = fault.kind if fault else None
        reply = model.answer(request, self.scenarios, cyclic=kind is FaultKind.CYCLIC_PLAN)
        if kind is FaultKind.REFUSAL:
            return refuse(reply)
        if kind is FaultKind.MALFORMED and request.caller is not Caller.AGENT:
            return say('{"simulated": "malformed')
        limit = request.body["max_tokens"] * CHARACTERS_PER_TOKEN
        if kind is FaultKind.MAX_TOKENS:
            limit = min(limit, reply.size // 2)
        return reply if reply.size <= limit else cut_to(reply, limit)

    async def _deliver(
        self, request: ModelRequest, reply: Reply, fault: Fault | None, pause: float
    ) -> Response:
        usage = self.cache.measure(request.body, reply.size)
        told = {"model": request.model, "message_id": f"msg_sim_{uuid4().hex[:20]}"}
        kind = fault.kind if fault else None
        broken = kind is FaultKind.MALFORMED and request.caller is Caller.AGENT
        stall = fault.seconds if fault and kind is FaultKind.STALL else 0.0
        events = (sse.broken_events if broken else sse.events)(reply, usage, **told)
        if request.stream:
            if kind is FaultKind.CUT_STREAM:
                return CutResponse(b"".join(events), media_type="text/event-stream")
            return StreamingResponse(paced(events, pause, stall), media_type="text/event-stream")
        await asyncio.sleep(pause + stall)
        body = whole(sse.message(reply, usage, **told))
        if kind is FaultKind.CUT_STREAM:
            return CutResponse(body, media_type="application/json")
        return Response(body, media_type="application/json")


def create_app(scenarios: Sequence[Scenario], delay: float = DEFAULT_DELAY) -> ASGIApp:
    """The simulator; `delay` is how many seconds each turn of an agent takes."""
    simulator = Simulator(scenarios, delay)
    app = FastAPI(title="Quintet's simulated model", openapi_url=None)
    app.include_router(control_router(simulator.faults, simulator.exchanges, simulator.cache))

    @app.exception_handler(InvalidRequestError)
    async def refuse_request(_: Request, error: InvalidRequestError) -> JSONResponse:
        return api_error(400, "invalid_request_error", str(error))

    @app.exception_handler(Exception)
    async def admit_defect(_: Request, error: Exception) -> JSONResponse:
        return api_error(500, "api_error", f"the simulator has a defect: {error!r}")

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "simulated": True}

    @app.post("/v1/messages", response_model=None)
    async def create_message(request: Request) -> Response:
        return _unkeyed(request) or await simulator.respond(await request.body())

    @app.post("/v1/messages/count_tokens", response_model=None)
    async def count_tokens(request: Request) -> Response:
        if error := _unkeyed(request):
            return error
        fault = simulator.faults.take(Caller.COUNT_TOKENS)
        if fault and (refusal := fault_error(fault)):
            return refusal
        counted = read_request({"max_tokens": 1, **_json(await request.body())})
        return JSONResponse({"input_tokens": prompt_tokens(counted.body)})

    return SimulatedHeader(app)


def _unkeyed(request: Request) -> JSONResponse | None:
    if request.headers.get("x-api-key") or request.headers.get("authorization"):
        return None
    return api_error(401, "authentication_error", "x-api-key header is required")


def _parse(raw: bytes) -> ModelRequest:
    return read_request(_json(raw))


def _json(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise InvalidRequestError(f"the body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidRequestError("the body must be a JSON object")
    return body
