"""An agent process whose event loop somebody else runs."""

from agent.__main__ import serve


class AgentProcess:
    """From its settings in the environment until SIGTERM."""

    async def run(self) -> None:
        """Serve, then drain."""
        await serve()
