"""Ports that must be free: who holds them, and which variable moves ours."""

import psutil

from scripts.local_servers import is_taken
from scripts.stack.process import StartError
from scripts.stack.settings import StackSettings


def require_free_ports(settings: StackSettings) -> None:
    """`StartError` that names every busy port, its holder and the way out."""
    ports = settings.ports()
    if len(ports) < 7:  # orchestrator, five agents, dashboard
        raise StartError(
            "two services have the same port: ORCHESTRATOR_PORT, DASHBOARD_PORT and the five ports"
            " from AGENT_BASE_PORT on must differ"
        )
    busy = [port for port in ports if _busy(port)]
    if not busy:
        return
    lines = [f"Port {port}, for {ports[port][0]}, is taken by {holder(port)}." for port in busy]
    elsewhere = {
        "ORCHESTRATOR_PORT": settings.orchestrator_port + 100,
        "AGENT_BASE_PORT": settings.agent_base_port + 100,
        "DASHBOARD_PORT": settings.dashboard_port + 100,
    }
    taken = {ports[port][1] for port in busy}
    moved = " ".join(f"{name}={port}" for name, port in elsewhere.items() if name in taken)
    lines.append(
        f"Stop that (scripts/stop.sh there, if it is Quintet), or go elsewhere:\n  {moved}"
        " scripts/start.sh"
    )
    raise StartError("\n".join(lines))


def holder(port: int) -> str:
    """Name and pid of the process that listens there, as far as we may know."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS shows them to root only
        connections = []
    for connection in connections:
        listening = connection.status == psutil.CONN_LISTEN
        if listening and connection.laddr and connection.laddr.port == port and connection.pid:
            return _described(connection.pid)
    return "another program (of another user, so its name is hidden)"


def _described(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).name()} (pid {pid})"
    except psutil.Error:
        return f"pid {pid}"


def _busy(port: int) -> bool:
    try:
        return is_taken(port)
    except PermissionError:
        raise StartError(
            f"port {port} may not be used by this user: choose one above 1023"
        ) from None
