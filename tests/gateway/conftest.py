"""Requests and calls for the tests of policies; each asserts on its own journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from itertools import count
from typing import Any, Protocol

import pytest

from seatrial.gateway.chat.call import Call, Journal
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.chat.response import Chunk
from seatrial.testing.fake_time import now

_numbers = count(1)


class Reading(Protocol):
    async def __call__(
        self, provider: Provider, request: ChatRequest, call: Call
    ) -> list[Chunk]: ...


@pytest.fixture
def asked() -> Callable[..., ChatRequest]:
    """A request for the likeliest answer."""

    def make(text: str = "Does it work?", **fields: Any) -> ChatRequest:
        messages = (said(Role.USER, text),)
        return ChatRequest(**{"model": "small", "messages": messages, "temperature": 0.0} | fields)

    return make


@pytest.fixture
def called() -> Callable[..., Call]:
    """The circumstances of a request with a minute's time; to be used within fake time."""

    def make(*, within_s: float = 60.0, **fields: Any) -> Call:
        return Call(
            id=f"call-{next(_numbers)}", deadline=now() + within_s, journal=Journal(), **fields
        )

    return make


@pytest.fixture
def pieces_of() -> Reading:
    """All pieces of a stream."""

    async def read(provider: Provider, request: ChatRequest, call: Call) -> list[Chunk]:
        async with aclosing(provider.stream(request, call)) as stream:
            return [chunk async for chunk in stream]

    return read
