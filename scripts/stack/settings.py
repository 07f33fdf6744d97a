"""What a person may set for the local stack, and where it keeps its things."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dotenv import dotenv_values

from scripts.stack.process import StartError

ROOT = Path(__file__).resolve().parents[2]
MARKER = "QUINTET_STACK"
PROFILES = ("analyst", "researcher", "archivist", "engineer", "statistician")
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One local installation: its folder, its ports, and the environment it was started with."""

    root: Path
    home: Path
    environment: Mapping[str, str]
    orchestrator_port: int
    agent_base_port: int
    dashboard_port: int

    @classmethod
    def load(cls, root: Path = ROOT) -> Self:
        """From the environment, and `.env` in the root for what it does not set."""
        file = {key: value for key, value in dotenv_values(root / ".env").items() if value}
        environment = file | {key: value for key, value in os.environ.items() if value}
        home = Path(environment.get("QUINTET_HOME", root / ".quintet")).expanduser()
        return cls(
            root=root,
            home=home if home.is_absolute() else root / home,
            environment=environment,
            orchestrator_port=_port(environment, "ORCHESTRATOR_PORT", 8000),
            agent_base_port=_port(environment, "AGENT_BASE_PORT", 8001),
            dashboard_port=_port(environment, "DASHBOARD_PORT", 8501),
        )

    @property
    def stack_id(self) -> str:
        """What marks every process of this installation, in its environment as QUINTET_STACK."""
        return hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def simulated(self) -> bool:
        """Without a key and without an endpoint, the model is simulated."""
        names = ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")
        return not any(self.environment.get(name) for name in names)

    @property
    def api_url(self) -> str:
        return f"http://{LOOPBACK}:{self.orchestrator_port}"

    @property
    def dashboard_url(self) -> str:
        return f"http://{LOOPBACK}:{self.dashboard_port}"

    def ports(self) -> dict[int, tuple[str, str]]:
        """Every fixed port: who listens there and the variable that moves it."""
        agents = {
            self.agent_base_port + index: (f"agent-{index + 1}", "AGENT_BASE_PORT")
            for index in range(len(PROFILES))
        }
        return {
            self.orchestrator_port: ("the orchestrator", "ORCHESTRATOR_PORT"),
            **agents,
            self.dashboard_port: ("the dashboard", "DASHBOARD_PORT"),
        }

    def prepare_home(self) -> None:
        """Make the folders; `StartError` when they belong to somebody else."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            for folder in (self.logs, self.run):
                folder.mkdir(exist_ok=True, mode=0o700)
            (self.home / "shared_files").mkdir(exist_ok=True)
            if not os.access(self.run, os.W_OK):
                raise PermissionError
        except PermissionError:
            owner = self.home.stat().st_uid if self.home.exists() else 0
            raise StartError(
                f"{self.home} belongs to another user (uid {owner}). Start Quintet as that user,"
                " remove the folder, or set QUINTET_HOME to a folder of your own."
            ) from None


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise StartError(f"{name} must be a port between 1 and 65535, not {text!r}")
    return int(text)
