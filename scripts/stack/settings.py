"""What a person may set for the local stack, and where it keeps its things."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dotenv import dotenv_values

from scripts.stack.process import StartError
from shared import config

ROOT = Path(__file__).resolve().parents[2]
MARKER = "QUINTET_STACK"
PROFILES = ("analyst", "researcher", "archivist", "engineer", "statistician")
LOOPBACK = "127.0.0.1"
NEEDED_BYTES = 256 * 1024 * 1024  # fresh databases, logs, and some room to work


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
        """From the environment, and the file of settings for what it does not set."""
        path = config.env_file()
        known = {} if path is None else dotenv_values(root / path)
        file = {key: value for key, value in known.items() if value}
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
        """Make the folders; `StartError` when they are somebody else's, or the disk is full."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            for folder in (self.logs, self.run):
                folder.mkdir(exist_ok=True, mode=0o700)
            (self.home / "shared_files").mkdir(exist_ok=True)
            if not os.access(self.run, os.W_OK):
                raise PermissionError
            free = shutil.disk_usage(self.home).free
        except PermissionError:
            owner = self.home.stat().st_uid if self.home.exists() else 0
            raise StartError(
                f"{self.home} belongs to another user (uid {owner}). Start Quintet as that user,"
                " remove the folder, or set QUINTET_HOME to a folder of your own."
            ) from None
        if free < NEEDED_BYTES:
            raise StartError(
                f"only {free >> 20} MB are free where {self.home} is, and {NEEDED_BYTES >> 20} MB"
                " are needed. Make room, or set QUINTET_HOME to a folder on another disk; then"
                " start again."
            )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise StartError(f"{name} must be a port between 1 and 65535, not {text!r}")
    return int(text)
