"""The tools of an attempt, run by the service inside its own process (MCP)."""

from typing import Any

from claude_agent_sdk import McpSdkServerConfig, SdkMcpTool, create_sdk_mcp_server

from agent.tool_names import SERVER, full_name
from agent.tools.database import database_tools
from agent.tools.embedding import embedding_tools
from agent.tools.scope import ToolScope
from agent.tools.shared_state import shared_state_tools
from agent.tools.web import web_tools
from shared.errors import ConfigurationError

TOOL_NAMES = frozenset(
    (
        *("query_database", "generate_embedding", "search_embeddings"),
        *("share_data", "get_shared_data", "fetch_url", "http_request"),
    )
)

__all__ = ["TOOL_NAMES", "ToolScope", "build_server", "build_tools", "full_name"]


def build_tools(scope: ToolScope) -> tuple[SdkMcpTool[Any], ...]:
    """The tools that the scope allows; the web's only when it has a client for it."""
    unknown = scope.allowed - TOOL_NAMES
    if unknown:
        raise ConfigurationError(
            f"no tools are called {', '.join(sorted(unknown))}",
            remedy=f"a profile may name {', '.join(sorted(TOOL_NAMES))}",
        )
    tools = (
        *database_tools(scope),
        *embedding_tools(scope),
        *shared_state_tools(scope),
        *(web_tools(scope.web) if scope.web else ()),
    )
    return tuple(tool for tool in tools if tool.name in scope.allowed)


def build_server(scope: ToolScope) -> McpSdkServerConfig:
    """These tools as the MCP server `quintet`; one for each session."""
    return create_sdk_mcp_server(SERVER, tools=list(build_tools(scope)))
