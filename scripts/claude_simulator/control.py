"""The control endpoints: ask for faults, look at what was asked of the model."""

from typing import Any

from fastapi import APIRouter, HTTPException

from scripts.claude_simulator.exchanges import ExchangeLog
from scripts.claude_simulator.faults import Fault, FaultBoard
from scripts.claude_simulator.usage import PromptCache


def control_router(faults: FaultBoard, exchanges: ExchangeLog, cache: PromptCache) -> APIRouter:
    """Routes under `/control` over what this simulator keeps."""
    router = APIRouter(prefix="/control")

    @router.delete("", status_code=204)
    async def forget() -> None:
        for kept in (faults, exchanges, cache):
            kept.clear()

    @router.post("/faults", status_code=201)
    async def add_fault(fault: Fault) -> list[Fault]:
        faults.add(fault)
        return faults.left()

    @router.get("/faults")
    async def list_faults() -> list[Fault]:
        return faults.left()

    @router.delete("/faults", status_code=204)
    async def clear_faults() -> None:
        faults.clear()

    @router.get("/requests")
    async def list_requests() -> list[dict[str, Any]]:
        return exchanges.lines()

    @router.get("/requests/{number}")
    async def show_request(number: int) -> Any:
        body = exchanges.body(number)
        if body is None:
            raise HTTPException(404, f"request {number} is not kept; GET /control/requests lists")
        return body

    return router
