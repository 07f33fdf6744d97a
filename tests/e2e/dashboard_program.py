"""The dashboard as a program of its own, over an orchestrator that the test plays."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.local_servers import free_port
from tests.e2e.stack_world import ROOT, START_SECONDS, STOP_SECONDS, Service
from tests.scripted_service import ScriptedService


@contextmanager
def dashboard_program(service: ScriptedService, log_file: Path) -> Iterator[str]:
    """Where it answers, until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Service(
        "dashboard",
        (
            *(sys.executable, "-m", "streamlit", "run", "ui/streamlit_app.py"),
            *("--server.port", str(port), "--server.address", "127.0.0.1"),
            *("--server.headless", "true", "--server.fileWatcherType", "none"),
        ),
        {**os.environ, "QUINTET_API_URL": service.url, "PYTHONPATH": str(ROOT)},
        log_file,
        (f"{url}/_stcore/health",),
    )
    program.start()
    try:
        program.await_health(time.monotonic() + START_SECONDS)
        yield url
    finally:
        program.running.terminate()
        program.stop(time.monotonic() + STOP_SECONDS)
