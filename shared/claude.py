"""The one door to the Messages API: structured calls, their usage and price, our errors."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from ssl import SSLContext
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import anthropic
import httpx2
import structlog
from anthropic.types import (
    CacheControlEphemeralParam,
    Message,
    MessageParam,
    OutputConfigParam,
    TextBlockParam,
)
from pydantic import BaseModel, ValidationError

from shared import metrics
from shared.errors import (
    MalformedOutput,
    ModelCutOff,
    ModelError,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelUnreachable,
)
from shared.log import redact
from shared.models import ModelUsage
from shared.prices import priced

T = TypeVar("T", bound=BaseModel)

SIMULATED_HEADER = "x-quintet-simulated"
_BAD_KEY = (401, 402, 403)  # unknown, without credit, without permission
_DETAIL = 600
_PLACE = 120  # characters; the names in it are the model's own
_FOREIGN = "the endpoint did not speak the Messages API"
# The client checks little of a stream: what is wrong in one shows as any of these.
_NOT_THE_API = (ValueError, AssertionError, AttributeError, LookupError, TypeError)
# Who asks, told by what is asked for; the purposes of the ledger's model_calls.
PURPOSES = {"Plan": "planner", "FinalAnswer": "aggregator", "Judgement": "reviewer"}
_CACHED: CacheControlEphemeralParam = {"type": "ephemeral"}
_log = structlog.get_logger(__name__)


async def _count_refusals(
    request: anthropic.APIRequest, call_next: anthropic.AsyncCallNext
) -> anthropic.AsyncAPIResponse[Any]:
    """Middleware of the client; sees every try, also those that the client repeats by itself."""
    try:
        response = await call_next(request)
    except anthropic.APIConnectionError:
        metrics.refused(None)
        raise
    if response.status_code >= 400:
        metrics.refused(response.status_code)
    return response


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked: a stable system text, a changing one, the turns.

    The service caches the stable text, and with `cache_repairs` all that was said, from the first
    remark on an answer on: only worth its price where more than one such remark may follow.
    """

    stable: str
    changing: str
    turns: tuple[tuple[str, str], ...]
    cache_repairs: bool = False

    def followed_by(self, answer: str, remark: str) -> "Prompt":
        """The same conversation after an answer and a remark on it."""
        return replace(self, turns=(*self.turns, ("assistant", answer), ("user", remark)))


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A structured answer, or its text and what is wrong with it; usage either way."""

    value: T | None
    text: str
    errors: tuple[str, ...]
    usage: ModelUsage


@cache
def _tls() -> SSLContext:
    # Reading the certificates holds the loop up for 20 ms, and a process may open several doors.
    return httpx2.create_ssl_context()


class Claude:
    """Calls to one endpoint with one key; retries what may pass, within a bound."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None,
        timeout_seconds: float,
        max_retries: int,
        pauses: Sequence[float] = (5.0, 20.0),
    ) -> None:
        self._secret = api_key
        self._deadline = timeout_seconds
        self._pauses = tuple(pauses)
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key or "missing",
            base_url=base_url,
            timeout=timeout_seconds,
            max_retries=max_retries,
            middleware=(_count_refusals,),
            http_client=anthropic.DefaultAsyncHttpxClient(verify=_tls()),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()

    async def preflight(self, model: str) -> bool:
        """Check the key once; True when the endpoint is a simulation.

        Raises ModelMisconfigured for a bad key or one without credit. An endpoint that is away, or
        that cannot count tokens, is no reason not to start; the latter is asked for one token.
        """
        if not self._secret:
            raise ModelMisconfigured(
                "there is no key for the model",
                remedy="set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL with the key it wants",
            )
        messages = self._client.with_options(max_retries=0, timeout=15).messages.with_raw_response
        ping: list[MessageParam] = [{"role": "user", "content": "ping"}]
        for ask in (
            lambda: messages.count_tokens(model=model, messages=ping),
            lambda: messages.create(model=model, messages=ping, max_tokens=1),
        ):
            try:
                answer = await ask()
            except anthropic.APIError as error:
                mapped = self._mapped(error)
                if getattr(error, "status_code", None) in _BAD_KEY:
                    raise mapped from error
                if not isinstance(mapped, ModelMisconfigured):
                    _log.warning("the model cannot be reached yet", error=mapped.detail)
                    return False
                _log.warning("the endpoint did not check the key", error=mapped.detail)
            else:
                return str(answer.headers.get(SIMULATED_HEADER, "")).lower() == "true"
        return False

    async def ask(
        self, prompt: Prompt, answer: type[T], *, model: str, max_tokens: int = 32_000
    ) -> Reply[T]:
        """One structured answer; raises ModelError when the model gave none at all."""
        for pause in self._pauses:
            try:
                return await self._ask_once(prompt, answer, model=model, max_tokens=max_tokens)
            except (ModelUnreachable, ModelRateLimited) as error:
                _log.warning("model call failed", error=error.detail, again_in_seconds=pause)
                await asyncio.sleep(pause)
        return await self._ask_once(prompt, answer, model=model, max_tokens=max_tokens)

    async def _ask_once(
        self, prompt: Prompt, answer: type[T], *, model: str, max_tokens: int
    ) -> Reply[T]:
        purpose, began = PURPOSES.get(answer.__name__, "other"), time.perf_counter()
        try:
            reply = await self._answer(prompt, answer, model=model, max_tokens=max_tokens)
        except ModelError as error:
            metrics.spent(purpose, usage_of(error))
            metrics.call_ended(purpose, model, type(error).__name__)
            raise
        outcome = "invalid" if reply.value is None else "answered"
        metrics.spent(purpose, (reply.usage,))
        metrics.call_ended(purpose, model, outcome, time.perf_counter() - began)
        return reply

    async def _answer(
        self, prompt: Prompt, answer: type[T], *, model: str, max_tokens: int
    ) -> Reply[T]:
        message = await self._send(prompt, answer, model=model, max_tokens=max_tokens)
        try:
            usage = _usage(message)
            text = "".join(block.text for block in message.content if block.type == "text")
        except _NOT_THE_API as error:
            raise MalformedOutput(_FOREIGN) from error
        if message.stop_reason is None:
            raise ModelUnreachable("the answer broke off before its end")
        if message.stop_reason == "refusal":
            raise ModelRefused("the model declined this request", usage=(usage,))
        if message.stop_reason == "max_tokens":
            raise ModelCutOff(
                f"the answer did not fit into {max_tokens} tokens", usage=(usage,), text=text
            )
        try:
            return Reply(answer.model_validate_json(text), text, (), usage)
        except ValidationError as error:
            return Reply(None, text, _reasons(error), usage)

    async def _send(
        self, prompt: Prompt, answer: type[T], *, model: str, max_tokens: int
    ) -> Message:
        schema = anthropic.transform_schema(answer)
        output: OutputConfigParam = {"format": {"type": "json_schema", "schema": schema}}
        system: list[TextBlockParam] = [
            {"type": "text", "text": prompt.stable, "cache_control": _CACHED}
        ]
        if prompt.changing:
            system.append({"type": "text", "text": prompt.changing})
        try:
            async with (
                asyncio.timeout(self._deadline * 2),
                self._client.messages.stream(
                    model=model,
                    max_tokens=max_tokens,
                    system=system,
                    messages=_messages(prompt),
                    output_config=output,
                ) as stream,
            ):
                return cast("Message", await stream.get_final_message())
        except anthropic.APIError as error:
            raise self._mapped(error) from error
        except (httpx2.HTTPError, TimeoutError) as error:
            raise ModelUnreachable(f"the connection broke: {type(error).__name__}") from error
        except _NOT_THE_API as error:
            raise MalformedOutput(_FOREIGN) from error

    def _mapped(self, error: anthropic.APIError) -> ModelError:
        detail = redact(str(error.message), (self._secret,))[:_DETAIL]
        if isinstance(error, anthropic.APIConnectionError):
            return ModelUnreachable(
                f"no connection to the model: {detail}",
                remedy="check ANTHROPIC_BASE_URL and the network",
            )
        status = getattr(error, "status_code", None)
        return error_for(status, detail)


def _messages(prompt: Prompt) -> list[MessageParam]:
    turns: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in prompt.turns]
    if prompt.cache_repairs and len(turns) > 1:
        marked = {"type": "text", "text": prompt.turns[-1][1], "cache_control": _CACHED}
        turns[-1]["content"] = [marked]
    return cast("list[MessageParam]", turns)


def error_for(status: int | None, detail: str) -> ModelError:
    """Our error for an HTTP status of the Messages API."""
    if status in (429, 529):
        return ModelRateLimited(detail, status=status)
    if status is not None and 400 <= status < 500 and status not in (408, 409):
        return ModelMisconfigured(
            detail, remedy="check the key, its credit and the model's name", status=status
        )
    return ModelUnreachable(detail, status=status)


def _usage(message: Message) -> ModelUsage:
    usage = message.usage
    return priced(
        ModelUsage(
            model=message.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_input_tokens or 0,
            cache_write_tokens=usage.cache_creation_input_tokens or 0,
        )
    )


def _reasons(error: ValidationError) -> tuple[str, ...]:
    """What Pydantic minds, as sentences for the model; at most twenty."""
    found: list[str] = []
    for item in error.errors(include_url=False, include_context=False)[:20]:
        place = ".".join(str(part) for part in item["loc"])[:_PLACE] or "the answer"
        found.append(f"{place}: {item['msg']}")
    return tuple(found)


def usage_of(error: ModelError) -> tuple[ModelUsage, ...]:
    """What a call cost that ended in an error."""
    usage: Mapping[str, Any] = error.extra
    return tuple(usage.get("usage", ()))
