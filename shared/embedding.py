"""Text to vectors, by whoever the settings name."""

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeAlias

import httpx
import numpy as np
from pydantic import BaseModel, SecretStr, ValidationError

from shared.errors import ConfigurationError, DependencyUnavailable, InvalidRequest

Vector: TypeAlias = tuple[float, ...]

HASHING_DIM = 384
VOYAGE_URL = "https://api.voyageai.com/v1/embeddings"
VOYAGE_DIM = 1024
VOYAGE_BATCH = 128
VOYAGE_SECONDS = 30.0
RETRY_SECONDS = (0.5, 2.0)


class Embedder(Protocol):
    """Vectors of length `dim` and of `name`'s own kind: two names are never compared."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> tuple[Vector, ...]:
        """One unit vector a text; `query` says that the texts ask rather than tell."""
        ...


class HashingEmbedder:
    """Character n-grams hashed into a vector: the same everywhere, offline, and only as good
    as spelling. Texts are alike when they share words or parts of words; it knows no synonyms,
    and is of little use for scripts whose words are one or two characters."""

    name = "hashing-384"
    dim = HASHING_DIM

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> tuple[Vector, ...]:
        """About a millisecond for 10,000 characters; other tasks run between two texts."""
        vectors = []
        for text in texts:
            vectors.append(hash_text(text))
            await asyncio.sleep(0)
        return tuple(vectors)


def hash_text(text: str) -> Vector:
    """The unit vector of a text's 3-, 4- and 5-grams, each counted by its logarithm."""
    padded = f" {' '.join(text.casefold().split())} "
    codes = np.frombuffer(padded.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    vector = np.zeros(HASHING_DIM)
    for size in (3, 4, 5):
        grams = np.full(max(len(codes) - size + 1, 0), size, dtype=np.uint64)
        for offset in range(size):
            grams = _mix(grams ^ codes[offset : offset + len(grams)])
        distinct, counts = np.unique(grams, return_counts=True)
        signs = np.where(distinct >> np.uint64(63), 1.0, -1.0)
        weights = signs * (1 + np.log(counts))
        vector += np.bincount(
            (distinct % np.uint64(HASHING_DIM)).astype(np.intp), weights, minlength=HASHING_DIM
        )
    return _unit(vector.tolist())


def _mix(values: "np.typing.NDArray[np.uint64]") -> "np.typing.NDArray[np.uint64]":
    """Spread every bit over the whole number (multiply and fold, modulo 2**64)."""
    values = values * np.uint64(0x9E3779B97F4A7C15)
    return values ^ (values >> np.uint64(29))


class _VoyageItem(BaseModel):
    index: int
    embedding: list[float]


class _VoyageAnswer(BaseModel):
    data: list[_VoyageItem]


class VoyageEmbedder:
    """Voyage's embeddings over HTTP, in batches, with two more tries when it is busy."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_key: SecretStr,
        *,
        model: str = "voyage-4",
        dim: int = VOYAGE_DIM,
        url: str = VOYAGE_URL,
        pauses: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._http = http
        self._key = api_key
        self._model = model
        self._url = url
        self._pauses = pauses
        self.name = f"{model}-{dim}"
        self.dim = dim

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> tuple[Vector, ...]:
        """Questions and documents are embedded differently, as Voyage recommends."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), VOYAGE_BATCH):
            vectors += await self._batch(texts[start : start + VOYAGE_BATCH], query)
        return tuple(vectors)

    async def _batch(self, texts: Sequence[str], query: bool) -> list[Vector]:
        payload = {
            "input": list(texts),
            "model": self._model,
            "input_type": "query" if query else "document",
            "output_dimension": self.dim,
        }
        response = await self._post(payload)
        if response.status_code in (401, 403):
            raise ConfigurationError(
                "the embedding service refuses the key", remedy="set VOYAGE_API_KEY"
            )
        if _busy(response):
            raise DependencyUnavailable(
                f"the embedding service is busy (HTTP {response.status_code})",
                remedy="try again later",
            )
        if response.is_error:
            raise InvalidRequest(
                f"the embedding service refuses the texts (HTTP {response.status_code}: "
                f"{_complaint(response)})",
                remedy="send shorter or fewer texts",
            )
        return self._vectors(response, len(texts))

    async def _post(self, payload: dict[str, object]) -> httpx.Response:
        for pause in self._pauses:
            with contextlib.suppress(httpx.TransportError):
                response = await self._send(payload)
                if not _busy(response):
                    return response
            await asyncio.sleep(pause)
        try:
            return await self._send(payload)
        except httpx.TransportError as error:
            raise DependencyUnavailable(
                f"the embedding service cannot be reached ({type(error).__name__})",
                remedy="check the network, or set EMBEDDING_PROVIDER=hashing",
            ) from None

    async def _send(self, payload: dict[str, object]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        return await self._http.post(self._url, json=payload, headers=headers)

    def _vectors(self, response: httpx.Response, expected: int) -> list[Vector]:
        try:
            answer = _VoyageAnswer.model_validate_json(response.content)
        except ValidationError:
            answer = _VoyageAnswer(data=[])
        items = sorted(answer.data, key=lambda item: item.index)
        if len(items) != expected or any(len(item.embedding) != self.dim for item in items):
            raise DependencyUnavailable(
                f"the embedding service did not give {expected} vectors of length {self.dim}",
                remedy="check EMBEDDING_PROVIDER and the model's name",
            )
        return [_unit(item.embedding) for item in items]


@asynccontextmanager
async def open_embedder(
    provider: str,
    *,
    api_key: SecretStr,
    model: str = "voyage-4",
    url: str = VOYAGE_URL,
) -> AsyncIterator[Embedder]:
    """The embedder that the settings name: `hashing` or `voyage`."""
    if provider == "hashing":
        yield HashingEmbedder()
    elif provider != "voyage":
        raise ConfigurationError(
            f"no embedding provider is called {provider!r}",
            remedy="set EMBEDDING_PROVIDER to hashing or voyage",
        )
    elif not api_key.get_secret_value():
        raise ConfigurationError(
            "the voyage embeddings need a key",
            remedy="set VOYAGE_API_KEY, or EMBEDDING_PROVIDER=hashing",
        )
    else:
        async with httpx.AsyncClient(timeout=VOYAGE_SECONDS) as http:
            yield VoyageEmbedder(http, api_key, model=model, url=url)


def _unit(values: Sequence[float]) -> Vector:
    length = math.sqrt(sum(value * value for value in values))
    return tuple(value / length for value in values) if length else tuple(values)


def _busy(response: httpx.Response) -> bool:
    return response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error


def _complaint(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except json.JSONDecodeError:
        return "no reason given"
    return str(answer.get("detail", "no reason given"))[:200] if isinstance(answer, dict) else ""
