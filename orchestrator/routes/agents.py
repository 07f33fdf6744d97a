"""Agents: who is there, what each can do, does and did."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from orchestrator.services import ServicesDep
from shared.errors import NotFound
from shared.models import AgentHistory, AgentView, AgentWork, Capability, Record
from shared.problems import documented

router = APIRouter(prefix="/agents", tags=["agents"])

AgentId = Annotated[str, Path(max_length=200, pattern=r"^[^\x00]+$")]


class AgentList(Record):
    """Agents by name."""

    agents: tuple[AgentView, ...]


class WorkList(Record):
    """Open attempts, by agent."""

    work: tuple[AgentWork, ...]


@router.get("", responses=documented(422))
async def list_agents(
    services: ServicesDep, samples: Annotated[int, Query(ge=0, le=120)] = 0
) -> AgentList:
    """Every agent, silent ones too, each with the last `samples` of its CPU and memory."""
    return AgentList(agents=tuple(services.roster.agents(samples=samples)))


@router.get("/available", responses=documented(422))
async def available(services: ServicesDep, capability: Capability | None = None) -> AgentList:
    """Agents that take work now, perhaps only those with a capability."""
    return AgentList(
        agents=tuple(
            agent
            for agent in services.roster.agents()
            if agent.available and (capability is None or capability in agent.capabilities)
        )
    )


@router.get("/work", responses=documented(503))
async def at_work(services: ServicesDep) -> WorkList:
    """What every agent does now."""
    return WorkList(work=await services.agents.at_work())


@router.get("/{agent_id}/history", responses=documented(404, 422, 503))
async def history(
    services: ServicesDep, agent_id: AgentId, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> AgentHistory:
    """What an agent told of itself in the last minutes, and its last attempts, newest first."""
    samples = services.roster.samples(agent_id)
    attempts = await services.agents.attempts(agent_id, limit=limit)
    if not samples and not attempts:
        raise NotFound(
            f"No agent called {agent_id!r} is here, and none of that name ever took work.",
            remedy="GET /agents lists those that are here.",
        )
    return AgentHistory(
        agent_id=agent_id,
        samples=samples,
        last_day=await services.agents.last_day(agent_id),
        attempts=attempts,
    )
