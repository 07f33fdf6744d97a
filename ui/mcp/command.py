"""`quintet mcp`."""

from typing import Annotated

import typer

from ui.mcp.service import serve_http, serve_stdio


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP instead of stdio.")] = False,
    host: Annotated[str, typer.Option(help="Where HTTP listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free port.")] = 8765,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", help="Another name that HTTP clients may call it by; repeatable."),
    ] = None,
) -> None:
    """Let Claude Code and other MCP clients use Quintet."""
    if http:
        serve_http(host, port, name or [])
    else:
        serve_stdio()
