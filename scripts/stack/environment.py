"""What each process may know: a short list of names, and secrets only for those who need them."""

from collections.abc import Mapping

from pydantic_settings import BaseSettings

from scripts.stack.settings import LOOPBACK, MARKER, StackSettings
from shared.config import (
    AgentSettings,
    DatabaseSettings,
    EmbeddingSettings,
    LeaseSettings,
    LogSettings,
    ModelSettings,
    OrchestratorSettings,
    QueueSettings,
    VerificationSettings,
    WorkspaceSettings,
)

SYSTEM = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"),
    "QUINTET_ENV_FILE",
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
STORES = (DatabaseSettings, QueueSettings, LeaseSettings, WorkspaceSettings, LogSettings)
THINKING = (ModelSettings, VerificationSettings)
ORCHESTRATOR = (*STORES, *THINKING, OrchestratorSettings)
AGENT = (*STORES, *THINKING, AgentSettings, EmbeddingSettings)


def basis(settings: StackSettings, python: str) -> dict[str, str]:
    """What every process gets: the system's own names, the marker, and our Python first."""
    known = settings.environment
    programs = python.rpartition("/")[0]
    return {
        **{name: known[name] for name in SYSTEM if name in known},
        "PATH": f"{programs}:{known.get('PATH', '/usr/local/bin:/usr/bin:/bin')}",
        "PYTHONUNBUFFERED": "1",
        MARKER: settings.stack_id,
    }


def configured(settings: StackSettings, *concerns: type[BaseSettings]) -> dict[str, str]:
    """Those variables of the environment that these classes of settings read."""
    names = {field.alias for concern in concerns for field in concern.model_fields.values()}
    return {name: value for name, value in settings.environment.items() if name in names}


def outgoing(known: Mapping[str, str]) -> dict[str, str]:
    """The proxies of the environment, but never for our own machine."""
    proxies = {name: known[name] for name in PROXIES if name in known}
    if not proxies:
        return {}
    exceptions = [known.get("NO_PROXY") or known.get("no_proxy") or "", LOOPBACK, "localhost"]
    own = ",".join(part for part in exceptions if part)
    return {**proxies, "NO_PROXY": own, "no_proxy": own}
