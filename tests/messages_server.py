"""A Messages API whose model is the test: every answer is scripted, nothing else is simulated.

Unlike the demo's simulator it is awkward on purpose: byte chunks split anywhere, CRLF line
ends, pings in the middle, extra fields, keys in an unusual order.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, TypeAlias

import uvicorn

SPLITS = (1, 13, 97, 7, 211, 2)
Json: TypeAlias = dict[str, Any]
Message: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """A block of words."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool_use block."""

    tool: str
    input: Json


@dataclass(frozen=True, slots=True)
class Structured:
    """The structured answer: a StructuredOutput call where that tool is offered, else JSON text."""

    value: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of the model; without `stop_reason` it follows from the blocks.

    `cut_after` ends the connection after that share (0 to 1) of the streamed bytes.
    """

    blocks: tuple[Text | Call | Structured, ...]
    stop_reason: str | None = None
    input_tokens: int = 11
    output_tokens: int = 5
    cache_read_tokens: int = 3
    cache_write_tokens: int = 2
    cut_after: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP error, shaped as the API shapes it."""

    status: int
    kind: str = "api_error"
    message: str = "scripted failure"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing is answered for as long as the caller or the test lasts."""


Reply: TypeAlias = Answer | Failure | Stall


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    path: str
    headers: Mapping[str, str]
    body: Json

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools that the model may call."""
        return tuple(tool["name"] for tool in self.body.get("tools", ()))

    @property
    def tool_results(self) -> tuple[str, ...]:
        """The text of every tool result of the conversation so far."""
        blocks = [b for m in self.body["messages"] if isinstance(m["content"], list)
                  for b in m["content"] if b.get("type") == "tool_result"]  # fmt: skip
        return tuple(
            c if isinstance(c := block.get("content", ""), str) else json.dumps(c)
            for block in blocks
        )


Script: TypeAlias = Sequence[Reply] | Callable[[Request], Reply]


def say(text: str) -> Answer:
    """An answer in words only."""
    return Answer((Text(text),))


def call(tool: str, **arguments: Any) -> Answer:
    """An answer that calls one tool."""
    return Answer((Call(tool, arguments),))


def structured(value: Any, **figures: Any) -> Answer:
    """An answer that is the structured output `value`."""
    return Answer((Structured(value),), **figures)


class MessagesServer:
    """The requests it saw, and where it listens; usable by SDK, CLI and plain HTTP."""

    def __init__(self, script: Script, address: tuple[str, int]) -> None:
        self.url = f"http://{address[0]}:{address[1]}"
        self.requests: list[Request] = []
        self._script = script if callable(script) else _in_order(script)

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        if request.path.endswith("/count_tokens"):
            await _send_json(send, 200, {"input_tokens": len(json.dumps(request.body)) // 4})
            return
        if not request.path.endswith("/v1/messages"):
            await _send_json(send, 404, _problem(Failure(404, "not_found_error", request.path)))
            return
        self.requests.append(request)
        await self._answer(request, self._script(request), receive, send)

    async def _answer(self, request: Request, reply: Reply, receive: Any, send: Any) -> None:
        match reply:
            case Failure():
                await _send_json(send, reply.status, _problem(reply), reply.headers)
            case Stall():
                while (await receive())["type"] != "http.disconnect":
                    continue
            case Answer() if request.body.get("stream"):
                await _send_stream(send, _stream(_message(request, reply)), reply.cut_after)
            case Answer():
                await _send_json(send, 200, _message(request, reply))


def _in_order(replies: Sequence[Reply]) -> Callable[[Request], Reply]:
    remaining = iter(replies)
    return lambda _: next(
        remaining, Failure(400, "invalid_request_error", "the test's script has no more replies")
    )


async def _read(scope: Message, receive: Any) -> Request:
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return Request(scope["path"], headers, json.loads(body or b"{}"))


def _problem(failure: Failure) -> Json:
    error = {"message": failure.message, "type": failure.kind}
    return {"request_id": "rq-7", "error": error, "type": "error"}


def _message(request: Request, answer: Answer) -> Json:
    blocks = [_block(request, n, block) for n, block in enumerate(answer.blocks)]
    calls = any(block["type"] == "tool_use" for block in blocks)
    return {
        "stop_reason": answer.stop_reason or ("tool_use" if calls else "end_turn"),
        "usage": {
            "output_tokens": answer.output_tokens,
            "cache_read_input_tokens": answer.cache_read_tokens,
            "input_tokens": answer.input_tokens,
            "cache_creation_input_tokens": answer.cache_write_tokens,
        },
        "content": blocks,
        "id": f"message-{id(answer):x}-{len(request.body['messages'])}",
        "stop_sequence": None,
        "an_unknown_field": {"harmless": True},
        "model": request.body["model"],
        "role": "assistant",
        "type": "message",
    }


def _block(request: Request, index: int, block: Text | Call | Structured) -> Json:
    identity = f"call.{len(request.body['messages'])}.{index}"
    match block:
        case Text():
            return {"text": block.text, "type": "text"}
        case Call():
            return {"input": block.input, "name": block.tool, "id": identity, "type": "tool_use"}
        case Structured() if "StructuredOutput" in request.tools:
            return {"input": block.value, "name": "StructuredOutput", "id": identity,
                    "type": "tool_use"}  # fmt: skip
        case Structured():
            return {"text": json.dumps(block.value, indent=1), "type": "text"}


def _stream(message: Json) -> bytes:
    start = {**message, "content": [], "stop_reason": None}
    start["usage"] = {**message["usage"], "output_tokens": 1}
    events: list[Json] = [{"message": start, "type": "message_start"}]
    for index, block in enumerate(message["content"]):
        events += [{**event, "index": index} for event in _block_events(block)]
        events.append({"type": "ping"})
    delta = {"stop_sequence": None, "stop_reason": message["stop_reason"]}
    events.append({"usage": message["usage"], "delta": delta, "type": "message_delta"})
    events.append({"type": "message_stop"})
    return "".join(f"event: {e['type']}\r\ndata: {json.dumps(e)}\r\n\r\n" for e in events).encode()


def _block_events(block: Json) -> list[Json]:
    if block["type"] == "text":
        empty: Json = {**block, "text": ""}
        parts = [{"text": part, "type": "text_delta"} for part in _pieces(block["text"])]
    else:
        empty = {**block, "input": {}}
        written = json.dumps(block["input"], ensure_ascii=False)
        parts = [{"partial_json": p, "type": "input_json_delta"} for p in _pieces(written)]
    return [
        {"content_block": empty, "type": "content_block_start"},
        *({"delta": part, "type": "content_block_delta"} for part in parts),
        {"type": "content_block_stop"},
    ]


def _pieces(text: str) -> list[str]:
    third = len(text) // 3 + 1
    return [text[at : at + third] for at in range(0, len(text), third)] or [""]


async def _send_json(
    send: Any, status: int, value: Json, headers: Mapping[str, str] | None = None
) -> None:
    named = {"content-type": "application/json", "request-id": "rq-7", **(headers or {})}
    fields = [(name.encode(), text.encode()) for name, text in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


async def _send_stream(send: Any, data: bytes, cut_after: float | None) -> None:
    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"request-id", b"rq-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    end = len(data) if cut_after is None else int(len(data) * cut_after)
    sizes, at = cycle(SPLITS), 0
    while at < end:
        size = next(sizes)
        chunk = data[at : min(at + size, end)]
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        at += size
    if cut_after is None:  # else uvicorn closes the connection on the unfinished answer
        await send({"type": "http.response.body", "body": b""})


@contextmanager
def messages_server(script: Script) -> Iterator[MessagesServer]:
    """Serve `script` on a free local port, in a thread of its own, until the block ends.

    A sequence is answered in order; a callable may look at the request, and runs in that thread.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = MessagesServer(script, listener.getsockname())
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield app
        finally:
            server.should_exit = server.force_exit = True
            thread.join(timeout=10)
    if thread.is_alive():
        raise TimeoutError("the scripted Messages API did not stop")
