"""What the local stack consists of, in the order of its start."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic_settings import BaseSettings

from scripts.local_servers import LocalPostgres, LocalValkey, free_port
from scripts.stack import environment as allowed
from scripts.stack.preflight import OwnPostgres, OwnRedis
from scripts.stack.service import HttpService, Step, Unit
from scripts.stack.settings import LOOPBACK, PROFILES, StackSettings
from shared.config import DatabaseSettings, env_file

Environment = Callable[[], Mapping[str, str]]
DRAIN_SECONDS = 15  # an agent's last chance to end its attempts when a person stops the stack


class Composition:
    """Builds the stages; addresses that are only known after a start are read when needed."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self._basis = allowed.basis(settings, sys.executable)
        known = settings.environment
        self._postgres = LocalPostgres(
            settings.home / "postgres", log_file=self._log("postgresql"), environment=self._basis
        )
        self._valkey = LocalValkey(
            settings.home / "valkey", log_file=self._log("valkey"), environment=self._basis
        )
        self._database_url = known.get("DATABASE_URL")
        self._redis_url = known.get("REDIS_URL")
        self._simulator_url = f"http://{LOOPBACK}:{free_port()}" if settings.simulated else ""

    def stages(self) -> list[list[Unit]]:
        """The units of one stage start together, when all before them are ready."""
        servers = [self._postgres_unit(), self._redis_unit()]
        if self.settings.simulated:
            servers.append(self._simulator())
        agents: list[Unit] = [self._agent(index) for index in range(len(PROFILES))]
        return [
            servers,
            [self._migrate()],
            [self._orchestrator()],
            [*agents, self._dashboard()],
        ]

    def stores(self) -> dict[str, str]:
        """Where the stores are, as the services read it."""
        data_url = self.settings.environment.get("DATA_DATABASE_URL")
        if self._database_url is None:
            ledger = self._postgres.database_url("quintet")
            data_url = data_url or self._postgres.database_url("quintet_data")
        else:
            ledger = self._database_url
        return {
            "DATABASE_URL": ledger,
            **({"DATA_DATABASE_URL": data_url} if data_url else {}),
            "REDIS_URL": self._redis_url or self._valkey.url,
            "SHARED_FILES_DIR": str(self.settings.home / "shared_files"),
        }

    def _postgres_unit(self) -> Unit:
        if self._database_url is None:
            return self._postgres
        return OwnPostgres(self._database_url, self._log("postgresql"))

    def _redis_unit(self) -> Unit:
        if self._redis_url is None:
            return self._valkey
        return OwnRedis(self._redis_url, self._log("redis"))

    def _migrate(self) -> Unit:
        def environment() -> Mapping[str, str]:
            stores = {k: v for k, v in self.stores().items() if k.endswith("DATABASE_URL")}
            return {**self._basis, **allowed.configured(self.settings, DatabaseSettings), **stores}

        return Step(
            "migrate",
            arguments=self._python("shared.database.migrate"),
            environment=environment,
            directory=self.settings.root,
            log_file=self._log("migrate"),
        )

    def _simulator(self) -> Unit:
        port = self._simulator_url.rpartition(":")[2]
        return self._http(
            "simulator",
            self._python("scripts.claude_simulator", "--port", port),
            address=self._simulator_url,
            environment=lambda: self._basis,
        )

    def _orchestrator(self) -> Unit:
        settings = self.settings
        own = {"ORCHESTRATOR_PORT": str(settings.orchestrator_port)}
        return self._http(
            "orchestrator",
            self._python("orchestrator"),
            address=settings.api_url,
            health=("/health", "/ready"),
            environment=self._service_environment(allowed.ORCHESTRATOR, own),
        )

    def _agent(self, index: int) -> Unit:
        port = self.settings.agent_base_port + index
        url = f"http://{LOOPBACK}:{port}"
        drain = self.settings.environment.get("DRAIN_SECONDS", str(DRAIN_SECONDS))
        own = {
            "AGENT_ID": f"agent-{index + 1}",
            "AGENT_PROFILE": PROFILES[index],
            "AGENT_PORT": str(port),
            "AGENT_URL": url,
            "AGENT_HIDDEN_DIRS": os.pathsep.join(map(str, self._hidden())),
            "DRAIN_SECONDS": drain,
        }
        return self._http(
            f"agent-{index + 1}",
            self._python("agent"),
            address=url,
            environment=self._service_environment(allowed.AGENT, own),
            grace_seconds=float(drain) + 5,
        )

    def _hidden(self) -> list[Path]:
        """What agents' programs shall not read: the databases, the logs and the secrets."""
        settings = self.settings.root / (env_file() or ".env")
        return [path for path in (self.settings.home, settings) if path.exists()]

    def _dashboard(self) -> Unit:
        settings = self.settings
        options = {
            "server.address": LOOPBACK,
            "server.port": str(settings.dashboard_port),
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        flags = [part for name, value in options.items() for part in (f"--{name}", value)]
        return self._http(
            "dashboard",
            self._python("streamlit", "run", "ui/streamlit_app.py", *flags),
            address=settings.dashboard_url,
            health=("/_stcore/health",),
            environment=lambda: {**self._basis, "QUINTET_API_URL": settings.api_url},
        )

    def _service_environment(
        self, concerns: Sequence[type[BaseSettings]], own: Mapping[str, str]
    ) -> Environment:
        def environment() -> Mapping[str, str]:
            return {
                **self._basis,
                **allowed.outgoing(self.settings.environment),
                "LOG_FORMAT": "text",
                **allowed.configured(self.settings, *concerns),
                **self.stores(),
                **self._model(),
                **own,
            }

        return environment

    def _model(self) -> dict[str, str]:
        if not self.settings.simulated:
            return {}
        return {"ANTHROPIC_BASE_URL": self._simulator_url, "ANTHROPIC_API_KEY": "simulated"}

    def _http(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        address: str,
        environment: Environment,
        health: Sequence[str] = ("/health",),
        grace_seconds: float = 20.0,
    ) -> HttpService:
        return HttpService(
            name,
            arguments=arguments,
            address=address,
            health=health,
            environment=environment,
            directory=self.settings.root,
            log_file=self._log(name),
            grace_seconds=grace_seconds,
        )

    def _python(self, module: str, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", module, *arguments)

    def _log(self, name: str) -> Path:
        return self.settings.logs / f"{name}.log"
