"""Where checks run in tests: a shell like an attempt's, with the sandbox on and off."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.checks.runner import CheckContext
from agent.checks.shell import Shell
from agent.claude_sandbox import sandbox_available
from agent.environment import session_environment

SANDBOXES = [True, False] if sandbox_available() else [False]


def check_shell(tmp_path: Path, *, sandbox: bool = False, readable: tuple[Path, ...] = ()) -> Shell:
    """A shell whose attempts lie below a hidden folder, as they do in a workspace."""
    scratch = tmp_path / "scratch"
    for folder in (scratch, folder_of(tmp_path)):
        folder.mkdir(parents=True, exist_ok=True)
    # the plugins of a developer's environment take seconds to load
    quick = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return Shell(
        environment=session_environment(os.environ, quick, scratch=scratch),
        scratch=scratch,
        readable=readable,
        hidden=(tmp_path / "files",),
        sandbox=sandbox,
        marker=f"test/{tmp_path.name}",
    )


def folder_of(tmp_path: Path) -> Path:
    """The attempt's folder."""
    return tmp_path / "files/task/temp/attempt"


def check_context(
    tmp_path: Path,
    output: Mapping[str, Any] | None = None,
    *,
    sandbox: bool = False,
    seconds: float = 30,
) -> CheckContext:
    """Checks of what lies in the attempt's folder."""
    shell = check_shell(tmp_path, sandbox=sandbox)
    return CheckContext(shell, folder_of(tmp_path), output or {}, seconds)
