"""docker-compose.yml, as Compose itself resolves it; no engine is needed for that."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.profiles import profile_named
from shared import config

ROOT = Path(__file__).parents[2]
COMPOSE = Path(sys.executable).with_name("docker-compose")
SECRETS = {"POSTGRES_PASSWORD": "aaa111", "VALKEY_PASSWORD": "bbb222", "ANTHROPIC_API_KEY": "ccc3"}
AGENTS = [f"agent-{number}" for number in range(1, 6)]
OURS = ["orchestrator", *AGENTS, "dashboard", "simulator", "migrate"]

Services = dict[str, Any]


def compose(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMPOSE, "-f", "docker-compose.yml", "--env-file", "/dev/null", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.fixture(scope="module")
def project() -> Services:
    answer = compose(SECRETS, "--profile", "demo", "config", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    resolved: Services = json.loads(answer.stdout)
    return resolved


@pytest.fixture(scope="module")
def services(project: Services) -> Services:
    found: Services = project["services"]
    return found


def test_compose_accepts_the_file() -> None:
    answer = compose(SECRETS, "config", "--quiet")
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("missing", SECRETS)
def test_no_secret_has_a_default(missing: str) -> None:
    known = {name: value for name, value in SECRETS.items() if name != missing}
    answer = compose(known, "config", "--quiet")
    assert answer.returncode != 0
    assert missing in answer.stderr
    assert ".env" in answer.stderr


def test_the_demonstration_needs_no_key() -> None:
    known = {**SECRETS, "ANTHROPIC_API_KEY": "", "COMPOSE_PROFILES": "demo"}
    answer = compose(known, "config", "--format", "json")
    assert answer.returncode == 0, answer.stderr
    demo = json.loads(answer.stdout)["services"]
    for name in ("orchestrator", *AGENTS):
        assert demo[name]["environment"]["ANTHROPIC_BASE_URL"] == "http://simulator:8090"
        assert demo[name]["depends_on"]["simulator"]["condition"] == "service_healthy"


def test_without_the_profile_there_is_no_simulator() -> None:
    answer = compose(SECRETS, "config", "--format", "json")
    found = json.loads(answer.stdout)["services"]
    assert "simulator" not in found
    assert found["orchestrator"]["environment"]["ANTHROPIC_BASE_URL"] == ""


def test_five_agents_differ_by_environment_only(services: Services) -> None:
    bare = [{**services[name], "environment": None} for name in AGENTS]
    assert all(service == bare[0] for service in bare)
    settings = [services[name]["environment"] for name in AGENTS]
    differing = {name for name in settings[0] if len({each[name] for each in settings}) > 1}
    assert differing == {"AGENT_ID", "AGENT_PROFILE", "AGENT_URL"}


def test_each_agent_has_its_own_profile_and_address(services: Services) -> None:
    profiles = set()
    for name in AGENTS:
        own = services[name]["environment"]
        profiles.add(profile_named(own["AGENT_PROFILE"]).name)
        assert own["AGENT_ID"] == name
        assert own["AGENT_URL"] == f"http://{name}:8001"
    assert len(profiles) == len(AGENTS)


def test_services_find_each_other_by_name(services: Services) -> None:
    for name, service in services.items():
        for variable, value in service["environment"].items() if "environment" in service else ():
            assert not re.search(r"localhost|127\.0\.0\.1|\[?::1\]?", value), (name, variable)
            for host in re.findall(r"://(?:[^@/]*@)?([\w.-]+)", value):
                assert host in services, (name, variable)


@pytest.mark.parametrize("name", ["orchestrator", *AGENTS, "migrate"])
def test_every_setting_of_a_service_is_one_that_it_reads(name: str, services: Services) -> None:
    classes = [kind for kind in vars(config).values() if hasattr(kind, "model_fields")]
    aliases = {field.alias for kind in classes for field in kind.model_fields.values()}
    assert set(services[name]["environment"]) <= aliases


def test_everything_that_stays_is_watched(services: Services) -> None:
    for name, service in services.items():
        if name == "migrate":
            assert service["healthcheck"] == {"disable": True}
        else:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_the_start_is_ordered(services: Services) -> None:
    def needs(name: str) -> dict[str, str]:
        return {other: how["condition"] for other, how in services[name]["depends_on"].items()}

    assert needs("migrate") == {"postgres": "service_healthy"}
    for name in ("orchestrator", *AGENTS):
        assert needs(name)["migrate"] == "service_completed_successfully"
        assert needs(name)["valkey"] == "service_healthy"
    assert needs("dashboard") == {"orchestrator": "service_healthy"}


def test_nobody_has_more_rights_than_needed(services: Services) -> None:
    for name, service in services.items():
        assert service["user"].split(":")[0] not in ("", "0", "root"), name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["init"] is True, name
        assert service["pids_limit"] <= 512, name
        assert int(service["mem_limit"]) <= 2 * 1024**3, name
        assert service.get("read_only", False) is (name != "postgres"), name
        assert "docker.sock" not in json.dumps(service), name
    assert {services[name]["user"] for name in OURS} == {"10001:10001"}


def test_an_agent_has_the_whole_baseline(services: Services) -> None:
    agent = services["agent-1"]
    assert agent["stop_grace_period"] == "1m0s"
    assert agent["cpus"] == 2
    assert agent["tmpfs"] == ["/tmp:mode=1777,size=512m,exec"]
    assert "ports" not in agent


def test_an_agent_that_is_stopped_has_time_to_drain(services: Services) -> None:
    drain = config.AgentSettings.model_fields["drain_seconds"].default
    assert drain < 60
    assert services["agent-1"]["stop_grace_period"] == "1m0s"


def test_only_the_api_and_the_dashboard_are_published_and_only_here(services: Services) -> None:
    published = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert set(published) == {"orchestrator", "dashboard"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}


def test_the_databases_are_out_of_reach(project: Services) -> None:
    def networks(name: str) -> set[str]:
        return set(project["services"][name]["networks"])

    assert project["networks"]["stores"]["internal"] is True
    assert networks("postgres") == networks("valkey") == {"stores"}
    assert networks("dashboard") == {"front"}
    for name in AGENTS:
        assert networks(name) == {"stores", "model"}


def test_what_must_last_lies_in_named_volumes(project: Services) -> None:
    assert set(project["volumes"]) == {"postgres", "valkey", "shared_files"}
    for name in ("orchestrator", *AGENTS):
        (volume,) = project["services"][name]["volumes"]
        assert (volume["source"], volume["target"]) == ("shared_files", "/shared_files")


def test_foreign_images_have_full_versions(services: Services) -> None:
    for name in ("postgres", "valkey"):
        tag = services[name]["image"].partition(":")[2]
        assert re.match(r"\d+\.\d+\.\d+-", tag), name


def test_the_password_of_valkey_is_no_argument(services: Services) -> None:
    assert SECRETS["VALKEY_PASSWORD"] not in json.dumps(services["valkey"]["command"])
