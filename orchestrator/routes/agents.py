"""Agents: who is there and what each can do."""

from fastapi import APIRouter

from orchestrator.services import ServicesDep
from shared.models import AgentView, Capability, Record
from shared.problems import documented

router = APIRouter(prefix="/agents", tags=["agents"])


class AgentList(Record):
    """Agents by name."""

    agents: tuple[AgentView, ...]


@router.get("")
async def list_agents(services: ServicesDep) -> AgentList:
    """Every agent, silent ones too."""
    return AgentList(agents=tuple(services.roster.agents()))


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
