"""What an agent process makes of its settings, before it opens anything."""

from collections.abc import Callable
from pathlib import Path
from socket import gethostname

import pytest

from agent.assembly import Assembly

Make = Callable[..., Assembly]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """An assembly from these variables; it hides the secrets from what it starts."""

    def assembly(*, one_shot: bool = False, **variables: str) -> Assembly:
        stores = {"DATABASE_URL": "postgresql://db/q", "SHARED_FILES_DIR": str(tmp_path)}
        own = {"AGENT_ID": "agent-1", "AGENT_PORT": "8001"}
        for name, value in {**stores, **own, **variables}.items():
            monkeypatch.setenv(name, value)
        return Assembly(one_shot=one_shot)

    return assembly


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_agent_that_listens_everywhere_is_reached_by_the_name_of_its_machine(
    make: Make, host: str
) -> None:
    assert make(AGENT_HOST=host).url == f"http://{gethostname()}:8001"


def test_an_agent_is_reached_where_it_listens(make: Make) -> None:
    assert make(AGENT_HOST="10.1.2.3").url == "http://10.1.2.3:8001"


def test_an_agent_is_reached_where_it_is_told_to_be(make: Make) -> None:
    told = "https://agents.example/one"
    assert make(AGENT_HOST="0.0.0.0", AGENT_URL=told).url == told


def test_no_guest_is_marked_like_another_one_or_like_an_agent(make: Make, tmp_path: Path) -> None:
    agent = make().marker
    guests = [make(one_shot=True).marker for _ in range(2)]
    assert agent == f"agent-1@{tmp_path}"
    assert len({agent, *guests}) == 3
    assert not [guest for guest in guests if guest.startswith(f"{agent}/")]
