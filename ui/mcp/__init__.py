"""Quintet for MCP clients: `quintet mcp`."""
