"""Write the OpenAPI of both services to `docs/contracts/`, or check that it is fresh."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from agent import service as agent
from orchestrator import app as orchestrator

CONTRACTS = Path(__file__).parent.parent / "docs" / "contracts"
APPS: dict[str, Callable[[], FastAPI]] = {
    "orchestrator.json": lambda: orchestrator.create_app(None),
    "agent.json": lambda: agent.create_app(None, None),
}


def render(app: FastAPI) -> str:
    """The app's OpenAPI, in an order that only changes with its content."""
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def stale(folder: Path = CONTRACTS) -> list[str]:
    """The names of the contracts that differ from what the services say now."""
    return [
        name
        for name, make in APPS.items()
        if not (folder / name).exists() or (folder / name).read_text("utf-8") != render(make())
    ]


def write(folder: Path = CONTRACTS) -> None:
    """Write every contract."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in APPS.items():
        (folder / name).write_text(render(make()), "utf-8")


def main() -> int:
    """Exit code 1 when `--check` finds a stale contract."""
    parser = argparse.ArgumentParser(prog="python -m scripts.render_contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when stale")
    if not parser.parse_args().check:
        write()
        return 0
    names = stale()
    if names:
        print(f"stale: {', '.join(names)}; run python -m scripts.render_contracts", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
