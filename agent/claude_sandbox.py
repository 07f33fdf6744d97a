"""Whether Bash can be shut in on this machine."""

import shutil
import subprocess
import sys
from functools import cache

PROBE = (
    "--ro-bind",
    "/",
    "/",
    "--unshare-pid",
    "--unshare-net",
    "--dev",
    "/dev",
    "--proc",
    "/proc",
    "true",
)


@cache
def sandbox_available() -> bool:
    """Tried once, by running something in it: containers often forbid it. Takes some 10 ms."""
    if sys.platform == "darwin":
        return shutil.which("sandbox-exec") is not None
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None or shutil.which("socat") is None:
        return False
    try:
        probe = subprocess.run([bubblewrap, *PROBE], capture_output=True, timeout=5, check=False)
    except subprocess.TimeoutExpired:
        return False
    return probe.returncode == 0
