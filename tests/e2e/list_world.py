"""The dashboard as a program of its own, on an orchestrator that lists and takes tasks."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.local_servers import free_port
from tests.e2e.stack_world import START_SECONDS, STOP_SECONDS, Service
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
    with scripted_service() as service:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        dashboard = Service(
            "dashboard",
            (
                *(sys.executable, "-m", "streamlit", "run", "ui/streamlit_app.py"),
                *("--server.port", str(port), "--server.address", "127.0.0.1"),
            ),
            {**os.environ, "QUINTET_API_URL": service.url},
            log_file,
            (f"{url}/_stcore/health",),
        )
        dashboard.start()
        try:
            dashboard.await_health(time.monotonic() + START_SECONDS)
            yield ListWorld(service, service.url, url)
        finally:
            dashboard.running.terminate()
            dashboard.stop(time.monotonic() + STOP_SECONDS)
