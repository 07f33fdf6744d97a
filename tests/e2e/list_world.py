"""The dashboard as a program of its own, on an orchestrator that lists and takes tasks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.dashboard_program import dashboard_program
from tests.listed_tasks import ListedTasks, every_kind
from tests.scripted_service import ScriptedService, scripted_service


@dataclass
class ListWorld:
    """Where the dashboard is, and the orchestrator that it asks."""

    service: ScriptedService
    api_url: str
    dashboard_url: str

    def fresh(self) -> ListedTasks:
        """Another orchestrator from now on."""
        api = ListedTasks(*every_kind())
        self.service.answer = api
        return api


@contextmanager
def list_world(log_file: Path) -> Iterator[ListWorld]:
    """The running dashboard, until the block ends."""
    with scripted_service() as service, dashboard_program(service, log_file) as url:
        yield ListWorld(service, service.url, url)
