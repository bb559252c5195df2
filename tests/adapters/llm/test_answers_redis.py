"""What the suite cannot see. The first part needs no server."""

import asyncio
import builtins
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from seatrial.adapters.llm.answers_redis import RedisAnswers
from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.store import StoreAddressInvalid, StoreUnavailable


async def test_a_server_that_is_not_there_is_unavailable_and_keeps_the_password() -> None:
    answers = RedisAnswers("redis://:PASSWORD@127.0.0.1:9/0")
    for work in (answers.get("a"), answers.put("a", b"x", ttl_s=1), answers.delete("a")):
        with pytest.raises(StoreUnavailable) as caught:
            await work
        assert "PASSWORD" not in str(caught.value)
    await answers.close()


async def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers = RedisAnswers(f"redis://127.0.0.1:{port}/0", timeout_s=0.05)
    with pytest.raises(StoreUnavailable):
        await answers.get("a")
    await answers.close()
    server.close()
    await server.wait_closed()


def test_an_address_that_names_no_redis_is_refused_without_repeating_it() -> None:
    with pytest.raises(StoreAddressInvalid, match="redis://HOST") as caught:
        RedisAnswers("http://:PASSWORD@127.0.0.1")
    assert "PASSWORD" not in str(caught.value)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "redis":
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"seatrial\[redis\]"):
        RedisAnswers("redis://127.0.0.1")


# --- with a server


@pytest.fixture
async def answers(redis_server: Any) -> AsyncIterator[RedisAnswers]:
    answers = RedisAnswers(redis_server.url, prefix=f"{uuid4()}:")
    yield answers
    await answers.close()


@pytest.mark.integration
async def test_installations_with_other_prefixes_share_nothing(
    answers: RedisAnswers, redis_server: Any
) -> None:
    other = RedisAnswers(redis_server.url, prefix=f"{uuid4()}:")
    await answers.put("a", b"ours", ttl_s=1000)
    assert await other.get("a") is None
    await other.close()


@pytest.mark.integration
async def test_a_connection_that_was_cut_is_made_again(answers: RedisAnswers) -> None:
    await answers.put("a", b"ours", ttl_s=1000)
    async with answers._client.client() as own:
        await own.client_kill_filter(skipme=False, _type="normal")
    held = await answers.get("a")
    assert held is not None
    assert held.value == b"ours"


@pytest.mark.integration
async def test_a_server_that_comes_back_is_found_again(
    answers: RedisAnswers, redis_server: Any
) -> None:
    await answers.put("a", b"ours", ttl_s=1000)
    redis_server.kill()
    with pytest.raises(StoreUnavailable):
        await answers.get("a")
    redis_server.start()
    await answers.put("a", b"again", ttl_s=1000)
    held = await answers.get("a")
    assert held is not None
    assert held.value == b"again"
