"""What a session's processes may know of the outside: an allow-list, never a deny-list."""

import sys
from collections.abc import Mapping
from pathlib import Path

INHERITED = frozenset(
    {
        "QUINTET_STACK",  # lets the local stack find what it started
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LC_CTYPE",
        "PATH",
        "TZ",
        # whoever sits behind a proxy with its own certificates
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    }
)

# What the SDK itself adds when it starts the CLI.
ADDED_BY_SDK = frozenset(
    {
        "CLAUDE_AGENT_SDK_VERSION",
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_SDK_READS_SESSION_STATE",
        "PWD",
        "TRACEPARENT",
        "TRACESTATE",
    }
)

QUIET = {
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}

_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def session_environment(
    outside: Mapping[str, str], given: Mapping[str, str], *, scratch: Path
) -> dict[str, str]:
    """The whole environment of a session; `scratch` is where its temporary files go.

    `python3` is the interpreter that runs us, with the libraries that are installed beside it.
    """
    inherited = {name: value for name, value in outside.items() if name in INHERITED}
    places = {
        "HOME": str(scratch),  # no profile of ours, and what a program keeps at home goes too
        "TMPDIR": str(scratch),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment = {**inherited, **places, **QUIET, **given}
    beside_us = str(Path(sys.executable).parent)
    environment["PATH"] = f"{beside_us}:{environment.get('PATH', '/usr/local/bin:/usr/bin:/bin')}"
    return environment


def secrets_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values that must never be shown."""
    return tuple(
        value
        for name, value in environment.items()
        if value and any(word in name.upper() for word in _SECRET_WORDS)
    )
