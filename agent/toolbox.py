"""The MCP tools of an attempt, opened with it and closed with it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

from agent.profiles import Profile
from agent.tools import ToolScope, build_tools
from agent.web_client import WebClient, WebLimits
from shared import config
from shared.database.data import DataStore
from shared.embedding import Embedder, open_embedder
from shared.models import Assignment

Tools: TypeAlias = tuple[Any, ...]  # the SDK's tools; only the SDK's door looks inside
_WEB = frozenset({"fetch_url", "http_request"})


class Toolboxes:
    """Opens a toolbox for each attempt; what a tool may reach is bound here, not asked for."""

    def __init__(
        self,
        store: DataStore,
        embedder: Embedder,
        settings: config.AgentSettings,
        profile: Profile,
        agent_id: str,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._allowed = frozenset(profile.mcp_tools)
        self._limits = WebLimits(allow_private=settings.allow_private_addresses)
        self._agent_id = agent_id

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: config.DatabaseSettings,
        embedding: config.EmbeddingSettings,
        settings: config.AgentSettings,
        profile: Profile,
        agent_id: str,
    ) -> AsyncIterator["Toolboxes"]:
        """The doors that all attempts of a process share."""
        async with (
            DataStore.open(database.data_url, secret=database.secret) as store,
            open_embedder(
                embedding.provider,
                api_key=embedding.voyage_key,
                model=embedding.voyage_model,
            ) as embedder,
        ):
            yield cls(store, embedder, settings, profile, agent_id)

    @asynccontextmanager
    async def for_attempt(self, assignment: Assignment) -> AsyncIterator[Tools]:
        """The tools of one attempt, bound to its task."""
        async with AsyncExitStack() as stack:
            data = await stack.enter_async_context(self._store.task(assignment.task_id))
            web = None
            if self._allowed & _WEB:
                web = await stack.enter_async_context(WebClient.open(self._limits))
            yield build_tools(
                ToolScope(
                    task_id=assignment.task_id,
                    subtask_key=assignment.key,
                    attempt=assignment.attempt,
                    agent_id=self._agent_id,
                    data=data,
                    embedder=self._embedder,
                    web=web,
                    allowed=self._allowed,
                )
            )
