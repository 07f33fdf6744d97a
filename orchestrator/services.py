"""What the routes work with, put together once in `__main__`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from orchestrator.approval import Approvals
from orchestrator.event_stream import EventHub
from orchestrator.reruns import Reruns
from orchestrator.roster import Roster
from orchestrator.steering import Steering
from orchestrator.submission import Submissions
from orchestrator.system_monitor import SystemMonitor
from shared.database.agents import AgentLedger
from shared.database.views import Views
from shared.queue import Doorbell


@dataclass(frozen=True, slots=True)
class Services:
    """Doors and parts of one orchestrator process."""

    views: Views
    doorbell: Doorbell
    roster: Roster
    submissions: Submissions
    steering: Steering
    approvals: Approvals
    reruns: Reruns
    files: Path
    simulated: bool
    wake: Callable[[], None]
    events: EventHub
    agents: AgentLedger
    system: SystemMonitor


async def _services(connection: HTTPConnection) -> Services:
    services = connection.app.state.services
    assert isinstance(services, Services)  # set by create_app  # noqa: S101
    return services


ServicesDep = Annotated[Services, Depends(_services)]
