"""What is handed in where nobody is asked: it never waits for an approval."""

import io
import json
from collections.abc import Iterator

import httpx
import pytest
from rich.console import Console

from scripts import demo, test_system
from tests import ui_records as records
from tests.scripted_service import Reply, ScriptedService, scripted_service
from ui.client import AsyncQuintetClient

TASK = records.task("completed", simulated=True)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """An orchestrator whose tasks are completed as soon as they are handed in."""
    with scripted_service() as service:
        service.script(Reply(202, TASK.model_dump_json()))
        yield service


def test_the_demo_asks_for_no_approval_and_its_addresses_stay_whole(
    service: ScriptedService,
) -> None:
    screen = Console(file=io.StringIO(), width=40)
    assert demo.run(service.url, "http://127.0.0.1:8501", screen) == 0
    (handed_in,) = service.seen
    assert b'name="require_approval"\r\n\r\nfalse\r\n' in handed_in.body
    assert isinstance(screen.file, io.StringIO)
    assert f"Files   {service.url}/tasks/{TASK.id}/artifacts\n" in screen.file.getvalue()


async def test_the_system_check_asks_for_no_approval(service: ScriptedService) -> None:
    async with AsyncQuintetClient(service.url) as quintet, httpx.AsyncClient() as http:
        system = test_system.System(quintet, http, "http://127.0.0.1:8501")
        assert await test_system.submit(system, "A sound request.") == TASK.id
    (handed_in,) = service.seen
    assert json.loads(handed_in.body)["require_approval"] is False
