"""What a person may set, and which process learns what of it."""

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from scripts.stack import environment
from scripts.stack.composition import Composition
from scripts.stack.ports import require_free_ports
from scripts.stack.preflight import OwnPostgres, OwnRedis, place
from scripts.stack.process import StartError
from scripts.stack.service import HttpService, Unit
from scripts.stack.settings import PROFILES, StackSettings
from shared import config

NAMES = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "DATABASE_URL", "DATA_DATABASE_URL")
MORE_NAMES = ("REDIS_URL", "ORCHESTRATOR_PORT", "AGENT_BASE_PORT", "DASHBOARD_PORT", "QUINTET_HOME")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES + MORE_NAMES:
        monkeypatch.delenv(name, raising=False)


def _services(settings: StackSettings) -> dict[str, Unit]:
    return {unit.name: unit for stage in Composition(settings).stages() for unit in stage}


def _environment(settings: StackSettings, name: str) -> dict[str, str]:
    service = _services(settings)[name]
    assert isinstance(service, HttpService)
    return dict(service.command().environment or {})


def _external(root: Path, monkeypatch: pytest.MonkeyPatch, **more: str) -> StackSettings:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hush@db.example/quintet")
    monkeypatch.setenv("REDIS_URL", "redis://:hush@cache.example/0")
    for name, value in more.items():
        monkeypatch.setenv(name, value)
    return StackSettings.load(root)


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("DASHBOARD_PORT=9001\nORCHESTRATOR_PORT=9002\nREDIS_URL=\n")
    monkeypatch.setenv("DASHBOARD_PORT", "9003")
    monkeypatch.delenv("QUINTET_ENV_FILE")
    settings = StackSettings.load(tmp_path)
    assert (settings.dashboard_port, settings.orchestrator_port) == (9003, 9002)
    assert "REDIS_URL" not in settings.environment


@pytest.mark.parametrize("value", ["http", "0", "70000", "-1"])
def test_a_bad_port_names_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("DASHBOARD_PORT", value)
    with pytest.raises(StartError, match="DASHBOARD_PORT must be a port"):
        StackSettings.load(tmp_path)


def test_two_services_on_one_port_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_BASE_PORT", "7996")
    with pytest.raises(StartError, match="the same port"):
        require_free_ports(StackSettings.load(tmp_path))


def test_the_model_is_simulated_only_without_key_and_endpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert StackSettings.load(tmp_path).simulated
    assert "simulator" in _services(StackSettings.load(tmp_path))
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://gateway.example")
    assert not StackSettings.load(tmp_path).simulated
    assert "simulator" not in _services(StackSettings.load(tmp_path))


def test_servers_of_ones_own_are_checked_and_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = _services(_external(tmp_path, monkeypatch))
    assert isinstance(services["postgresql"], OwnPostgres)
    assert isinstance(services["redis"], OwnRedis)
    assert "valkey" not in services


def test_the_dashboard_learns_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _external(tmp_path, monkeypatch, ANTHROPIC_API_KEY="sk-hush", OTHER="hush")
    known = _environment(settings, "dashboard")
    assert known["QUINTET_API_URL"] == "http://127.0.0.1:8000"
    assert not [value for value in known.values() if "hush" in value]


def test_the_services_learn_what_they_read_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"ANTHROPIC_API_KEY": "sk-hush", "LEASE_SECONDS": "9", "AWS_SECRET": "hush"}
    settings = _external(tmp_path, monkeypatch, **more)
    for name in ("orchestrator", "agent-1"):
        known = _environment(settings, name)
        assert known["DATABASE_URL"] == "postgresql://me:hush@db.example/quintet"
        assert known["ANTHROPIC_API_KEY"] == "sk-hush"
        assert known["LEASE_SECONDS"] == "9"
        assert "AWS_SECRET" not in known
        assert "DATA_DATABASE_URL" not in known


def test_the_settings_of_verification_reach_who_verifies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = {
        "REVIEW": "always",
        "REVIEW_SHARE": "0.5",
        "MAX_CORRECTIONS": "1",
        "CHECK_SECONDS": "9",
        "CHECK_HTTP": "true",
    }
    settings = _external(tmp_path, monkeypatch, **wish)
    for name in ("orchestrator", "agent-1"):
        assert wish.items() <= _environment(settings, name).items()


def test_every_kind_of_settings_is_given_to_some_service() -> None:
    kinds = {
        kind
        for kind in vars(config).values()
        if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.model_fields
    }
    assert kinds == {*environment.ORCHESTRATOR, *environment.AGENT}


def test_each_agent_has_its_own_name_port_and_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _external(tmp_path, monkeypatch, AGENT_BASE_PORT="9001", AGENT_PORT="1")
    agents = [_environment(settings, f"agent-{number}") for number in range(1, 6)]
    assert [agent["AGENT_PROFILE"] for agent in agents] == list(PROFILES)
    assert [agent["AGENT_PORT"] for agent in agents] == ["9001", "9002", "9003", "9004", "9005"]
    assert len({agent["AGENT_ID"] for agent in agents}) == 5


def test_a_simulated_model_gives_the_services_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = _environment(_external(tmp_path, monkeypatch), "agent-1")
    assert known["ANTHROPIC_API_KEY"] == "simulated"
    assert known["ANTHROPIC_BASE_URL"].startswith("http://127.0.0.1:")


def test_a_proxy_is_never_asked_for_our_own_machine() -> None:
    assert environment.outgoing({}) == {}
    known = environment.outgoing({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intranet"})
    assert known["no_proxy"] == "intranet,127.0.0.1,localhost"


def test_an_address_is_shown_without_its_password() -> None:
    assert place("postgresql://me:hu@sh@db.example:5433/quintet") == "db.example:5433"


@pytest.mark.parametrize("kind", [OwnPostgres, OwnRedis])
async def test_an_unreachable_server_is_explained_without_its_password(
    kind: type[OwnPostgres | OwnRedis], tmp_path: Path
) -> None:
    scheme = "postgresql" if kind is OwnPostgres else "redis"
    server = kind(f"{scheme}://me:hush@127.0.0.1:1/x", tmp_path / "log")
    with pytest.raises(StartError, match=r"127\.0\.0\.1:1 cannot be reached") as raised:
        await server.start()
    assert "hush" not in str(raised.value)
