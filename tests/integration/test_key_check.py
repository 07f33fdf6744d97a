"""The key is checked at the start wherever it can be, and only a bad one keeps us from starting."""

from collections.abc import Iterator

import pytest

from shared.claude import Claude
from shared.errors import ModelMisconfigured
from tests.scripted_service import Reply, Request, ScriptedService, scripted_service


@pytest.fixture(scope="module")
def _server() -> Iterator[ScriptedService]:
    with scripted_service() as service:
        yield service


@pytest.fixture
def endpoint(_server: ScriptedService) -> ScriptedService:
    """Something that answers as a test says; what an earlier one asked is forgotten."""
    _server.seen.clear()
    return _server


async def checked(endpoint: ScriptedService, counting: int, asking: int) -> bool:
    """The check's answer, where tokens are counted and a question is answered with a status."""

    def answer(request: Request) -> Reply:
        return Reply(counting if request.path.endswith("/count_tokens") else asking)

    endpoint.answer = answer
    async with Claude(
        api_key="a-key", base_url=endpoint.url, timeout_seconds=5, max_retries=0
    ) as claude:
        return await claude.preflight("a-model")


@pytest.mark.parametrize("bad", [401, 402, 403])
@pytest.mark.parametrize("counting", [None, 400, 404, 405, 422])
async def test_a_bad_key_is_found_also_where_tokens_are_not_counted(
    endpoint: ScriptedService, bad: int, counting: int | None
) -> None:
    with pytest.raises(ModelMisconfigured):
        await checked(endpoint, counting or bad, bad)
    assert len(endpoint.seen) == (2 if counting else 1)


@pytest.mark.parametrize("asking", [200, 400, 404, 405, 429, 500])
@pytest.mark.parametrize("counting", [400, 404, 405, 413])
async def test_an_endpoint_that_cannot_count_is_asked_once_for_one_token(
    endpoint: ScriptedService, counting: int, asking: int
) -> None:
    assert await checked(endpoint, counting, asking) is False
    _, asked = endpoint.seen
    assert b'"max_tokens":1' in asked.body.replace(b" ", b"")


@pytest.mark.parametrize("counting", [200, 408, 409, 429, 503, 529])
async def test_an_endpoint_that_can_or_is_busy_is_asked_nothing(
    endpoint: ScriptedService, counting: int
) -> None:
    assert await checked(endpoint, counting, 401) is False
    assert len(endpoint.seen) == 1
