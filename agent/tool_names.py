"""What tools are called on the way to the model and back."""

SERVER = "quintet"
ANSWER = "StructuredOutput"  # the CLI's own tool, which takes the result
_PREFIX = f"mcp__{SERVER}__"


def full_name(tool_name: str) -> str:
    """What the model and the permission rules call a tool: `mcp__quintet__query_database`."""
    return f"{_PREFIX}{tool_name}"


def plain_name(name: str) -> str:
    """The name without the server that the tool is of, where that is ours."""
    return name.removeprefix(_PREFIX)
