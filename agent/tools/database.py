"""`query_database`: SQL in the task's own schema."""

from typing import Annotated, Any

from claude_agent_sdk import SdkMcpTool
from pydantic import Field

from agent.tools.scope import ANSWER_CHARACTERS, Arguments, ToolScope, make_tool

ROW_LIMIT = 1000
SECONDS = 10.0


class QueryArguments(Arguments):
    """What `query_database` takes."""

    sql: Annotated[str, Field(min_length=1, description="One PostgreSQL statement.")]
    params: Annotated[
        list[Any],
        Field(
            default_factory=list,
            description="Values of $1, $2, ... as JSON; dates and times as text, null as NULL.",
        ),
    ]


def database_tools(scope: ToolScope) -> tuple[SdkMcpTool[Any], ...]:
    """The SQL tool of this attempt."""

    async def query(given: QueryArguments) -> dict[str, Any]:
        result = await scope.data.query(
            given.sql,
            given.params,
            row_limit=ROW_LIMIT,
            byte_limit=ANSWER_CHARACTERS,
            seconds=SECONDS,
        )
        answer: dict[str, Any] = {"status": result.status, "rowcount": result.rowcount}
        if result.columns:
            answer |= {"columns": result.columns, "rows": [list(r.values()) for r in result.rows]}
        if result.truncated:
            answer |= {
                "truncated": True,
                "note": "there are more rows: aggregate, filter, or page with LIMIT and OFFSET",
            }
        return answer

    return (
        make_tool(
            "query_database",
            "Run one SQL statement (PostgreSQL) in this task's own schema, which all of its "
            "subtasks share: create tables, read and write. Each call is a transaction of its "
            f"own, at most {SECONDS:g} s and {ROW_LIMIT} rows. Pass values as params ($1, $2), "
            "not inside the SQL. Rows come as lists in the order of `columns`.",
            QueryArguments,
            query,
        ),
    )
