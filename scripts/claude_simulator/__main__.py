"""`python -m scripts.claude_simulator --port N`: serve the simulated model until stopped."""

import argparse
import sys
from pathlib import Path

import uvicorn

from scripts.claude_simulator.app import DEFAULT_DELAY
from scripts.claude_simulator.scenario import SCENARIOS, ScenarioError, load_scenarios
from scripts.claude_simulator.server import configuration, listen


def main() -> int:
    """Serve until SIGINT or SIGTERM; 2 when the scenarios or the port cannot be used."""
    options = _options()
    try:
        scenarios = load_scenarios(options.scenarios)
        listener = listen(options.host, options.port)
    except (ScenarioError, OSError) as error:
        print(f"claude_simulator: {error}", file=sys.stderr)
        return 2
    with listener:
        host, port = listener.getsockname()[:2]
        where = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        print(f"Simulated model on {where} ({len(scenarios)} scenarios)", flush=True)
        uvicorn.Server(configuration(scenarios, options.delay)).run(sockets=[listener])
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="claude_simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="0 chooses a free one")
    parser.add_argument("--scenarios", type=Path, default=SCENARIOS, help="folder of .toml files")
    parser.add_argument(
        "--delay", type=float, default=DEFAULT_DELAY, help="seconds that an agent's turn takes"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
