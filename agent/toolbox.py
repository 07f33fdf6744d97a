"""The MCP tools of an attempt, opened with it and closed with it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from agent.checks.runner import CheckError
from agent.profiles import Profile
from agent.tools import ToolScope, build_tools
from agent.web_client import WebClient, WebLimits
from shared import config
from shared.database.data import DataStore, TaskData
from shared.embedding import Embedder, open_embedder
from shared.models import Assignment

Tools: TypeAlias = tuple[Any, ...]  # the SDK's tools; only the SDK's door looks inside
_WEB = frozenset({"fetch_url", "http_request"})


@dataclass(frozen=True, slots=True)
class Toolbox:
    """One attempt's tools, and what its checks may ask of the task's data and of the web."""

    tools: Tools
    count: Callable[[str], Awaitable[float]]
    http_status: Callable[[str], Awaitable[int]]


class Toolboxes:
    """Opens a toolbox for each attempt; what a tool may reach is bound here, not asked for."""

    def __init__(
        self,
        store: DataStore,
        embedder: Embedder,
        settings: config.AgentSettings,
        agent_id: str,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._limits = WebLimits(allow_private=settings.allow_private_addresses)
        self._agent_id = agent_id

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        database: config.DatabaseSettings,
        embedding: config.EmbeddingSettings,
        settings: config.AgentSettings,
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
            yield cls(store, embedder, settings, agent_id)

    @asynccontextmanager
    async def for_attempt(self, assignment: Assignment, profile: Profile) -> AsyncIterator[Toolbox]:
        """The tools of one attempt, bound to its task, as its profile allows."""
        allowed = frozenset(profile.mcp_tools)
        async with AsyncExitStack() as stack:
            data = await stack.enter_async_context(self._store.task(assignment.task_id))
            web = None
            if allowed & _WEB:
                web = await stack.enter_async_context(WebClient.open(self._limits))
            tools = build_tools(
                ToolScope(
                    task_id=assignment.task_id,
                    subtask_key=assignment.key,
                    attempt=assignment.attempt,
                    agent_id=self._agent_id,
                    data=data,
                    embedder=self._embedder,
                    web=web,
                    allowed=allowed,
                )
            )
            yield Toolbox(tools, partial(_count, data), self._status)

    @asynccontextmanager
    async def for_checks(self, task_id: UUID) -> AsyncIterator[Toolbox]:
        """What checks of a task may ask, without any tool."""
        async with self._store.task(task_id) as data:
            yield Toolbox((), partial(_count, data), self._status)

    async def _status(self, url: str) -> int:
        async with WebClient.open(self._limits) as web:
            return (await web.request("GET", url)).status


async def _count(data: TaskData, query: str) -> float:
    answer = await data.query(query, row_limit=1)
    value = next(iter(answer.rows[0].values()), None) if answer.rows else None
    try:
        return float(value)  # type: ignore[arg-type]  # whatever it is, it may be no number
    except (TypeError, ValueError) as error:
        raise CheckError(
            "the query of a sql_count check must return one number", remedy="SELECT count(*) ..."
        ) from error
