"""Forks agent processes from one that has already imported everything: 3 s of imports, once.

Reads one environment a line as JSON, answers with the process id. Its children run the very
`main` of `python -m agent`. All of them are killed when standard input ends.
"""

import json
import os
import signal
import sys
from typing import NoReturn

from agent.__main__ import main as agent_main


def _become_an_agent(environment: dict[str, str]) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["agent"]
    code = 1
    try:
        code = agent_main()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Fork on request until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the dead are reaped at once
    print("ready", flush=True)
    for line in sys.stdin:
        environment = json.loads(line)
        child = os.fork()
        if child == 0:
            _become_an_agent(environment)
        print(child, flush=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
