"""A scripted agent's conversation, its tool calls run as the agent's client would run them."""

import asyncio
import html
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

SAMPLE = Path(__file__).parents[1] / "scripts" / "sample" / "sales.csv"
ASK = "What do our sales say? Write a report with charts."
AGENT_TOOLS = ("Write", "Edit", "Bash", "mcp__quintet__share_data", "StructuredOutput")

Json = dict[str, Any]


async def ask(model: httpx.AsyncClient, messages: list[Json], **fields: Any) -> Json:
    body = {"model": "m", "max_tokens": 64000, "messages": messages, **fields}
    answer = await model.post("/v1/messages", json=body)
    assert answer.status_code == 200, answer.text
    reply: Json = answer.json()
    return reply


async def run_tool(name: str, arguments: Json, cwd: Path) -> tuple[str, bool]:
    """The tool's output and whether it failed."""
    if name == "Bash":
        return await run(arguments["command"], cwd)
    return edit_file(name, arguments)


def edit_file(name: str, arguments: Json) -> tuple[str, bool]:
    file = Path(arguments.get("file_path", ""))
    if name == "Write":
        file.write_text(arguments["content"])
        return "File created successfully", False
    if name != "Edit":
        return f"{name} is out of order", True
    text, old = file.read_text(), arguments["old_string"]
    if text.count(old) != 1:
        return f"{old!r} occurs {text.count(old)} times", True
    file.write_text(text.replace(old, arguments["new_string"]))
    return "File updated successfully", False


async def run(command: str, cwd: Path) -> tuple[str, bool]:
    """What a command printed and whether it failed."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command,
        cwd=cwd,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # ours take seconds to load
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return output.decode(), process.returncode != 0


async def work(
    model: httpx.AsyncClient, prompt: str, cwd: Path, tools: tuple[str, ...] = AGENT_TOOLS
) -> Json:
    """One agent's conversation to its first structured result."""
    return await go_on(model, [{"role": "user", "content": prompt}], cwd, tools)


async def go_on(
    model: httpx.AsyncClient,
    messages: list[Json],
    cwd: Path,
    tools: tuple[str, ...] = AGENT_TOOLS,
) -> Json:
    """The conversation to its next structured result; `messages` grows by all that was said."""
    offered = [{"name": name, "input_schema": {"type": "object"}} for name in tools]
    for _ in range(50):
        reply = await ask(model, messages, tools=offered)
        uses = [block for block in reply["content"] if block["type"] == "tool_use"]
        final = uses[0]["name"] == "StructuredOutput"
        results = []
        for use in uses:
            text, failed = (
                ("ok", False) if final else await run_tool(use["name"], use["input"], cwd)
            )
            block = {"type": "tool_result", "tool_use_id": use["id"], "content": text}
            results.append(block | {"is_error": failed})
        messages += [
            {"role": "assistant", "content": reply["content"]},
            {"role": "user", "content": results},
        ]
        if final:
            result: Json = uses[0]["input"]
            return result
    raise AssertionError("no structured result after fifty turns")


def content(folder: Path) -> dict[str, bytes]:
    """What the folder's files hold, by name."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def agent_prompt(
    subtask: Mapping[str, Any], results: Mapping[str, Json], cwd: Path, *, request: str = ASK
) -> str:
    prerequisites = "".join(
        f'<result key="{key}" title="t">{html.escape(json.dumps(results[key]))}</result>'
        for key in subtask["dependencies"]
    )
    return (
        f'<task title="t">{html.escape(request)}</task>'
        f'<subtask key="{subtask["id"]}" attempt="1" title="t">d</subtask>'
        f"<workspace>\nworking directory: {cwd}\ncontext directory: {SAMPLE.parent}\n</workspace>"
        f"<prerequisites>{prerequisites}</prerequisites><context_files>"
        f'<file name="sales.csv" size="1" path="{SAMPLE}"/></context_files>'
    )
