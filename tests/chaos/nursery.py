"""Forks our processes from one that has already imported everything: 3 s of imports, once.

Reads one request a line as JSON, `program` and its `environment`, answers with the process id. An
agent runs the very `main` of `python -m agent`. All of them are killed when standard input ends.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from agent.__main__ import main as agent_main
from tests.chaos.orchestrators import main as orchestrator_main

_PROGRAMS = {"agent": agent_main, "orchestrator": orchestrator_main}


def _become(main: Callable[[], int], environment: dict[str, str]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [main.__module__]
    code = 1
    try:
        code = main()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork on request until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the dead are reaped at once
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(_PROGRAMS[request["program"]], request["environment"])
        print(child, flush=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
