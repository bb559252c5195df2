"""Bodies and headers nobody thought of: no route fails, and every refusal has its client's form."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.serving.exchange import Reply, Request, StreamReply
from seatrial.web.llm.plane import CHAT, COUNT, EMBEDDINGS, MESSAGES, MODELS

from .conftest import House

NAMES = [
    "model", "messages", "role", "content", "type", "text", "max_tokens", "stream", "tools",
    "function", "name", "parameters", "input_schema", "tool_choice", "tool_calls", "arguments",
    "id", "tool_use_id", "tool_call_id", "input", "system", "stop", "stop_sequences", "n",
    "temperature", "top_p", "seed", "response_format", "json_schema", "schema", "image_url", "url",
    "source", "data", "media_type", "metadata", "user_id", "user", "stream_options",
    "include_usage", "encoding_format", "dimensions", "thinking", "signature",
]  # fmt: skip
WORDS = [
    "m", "e", "user", "assistant", "system", "tool", "developer", "text", "image_url", "image",
    "tool_use", "tool_result", "function", "auto", "required", "none", "json_object",
    "json_schema", "base64", "float", "data:image/png;base64,AA==", "{}", "\ud800",
]  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(WORDS),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=25,
)
turns = st.fixed_dictionaries(
    {"role": st.sampled_from(WORDS[2:7]), "content": values},
    optional={"tool_calls": values, "tool_call_id": scalars, "name": scalars},
)
near = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "e", "x"]), "messages": st.lists(turns, max_size=4)},
    optional=dict.fromkeys(NAMES[6:], values),
)
bodies = st.one_of(
    st.binary(max_size=100),
    st.builds(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"), values),
    st.builds(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"), near),
)
headers = st.dictionaries(
    st.sampled_from(
        [
            b"x-request-id",
            b"x-seatrial-tags",
            b"x-seatrial-timeout",
            b"content-encoding",
            b"authorization",
            b"x-api-key",
            b"anthropic-version",
            b"host",
            b"origin",
        ]
    ),
    st.one_of(st.binary(max_size=30), st.sampled_from([b"gzip", b"Bearer x", b"a=b", b"5"])),
    max_size=4,
)


async def answered(request: Request) -> tuple[Reply | StreamReply, bytes]:
    reply = await House().plane.answer(request)
    if isinstance(reply, Reply):
        return reply, reply.body
    async with aclosing(reply.parts) as parts:
        return reply, b"".join([part async for part in parts])


@settings(max_examples=400)
@given(
    path=st.sampled_from(
        [CHAT, EMBEDDINGS, MESSAGES, COUNT, MODELS, MODELS + "/m", MODELS + "/%ff"]
    ),
    method=st.sampled_from(["POST", "POST", "POST", "GET", "DELETE"]),
    body=bodies,
    given_headers=headers,
)
def test_whatever_comes_is_answered_or_refused_in_form(
    path: str, method: str, body: bytes, given_headers: dict[bytes, bytes]
) -> None:
    request = Request(method, path, b"", {b"host": b"localhost", **given_headers}, body)
    reply, told = asyncio.run(answered(request))
    assert reply.status < 500, told
    for name, value in reply.headers:
        assert not set(b"\r\n\0") & set(name + value)
    if reply.status >= 400:
        record: Any = json.loads(told)
        assert isinstance(record["error"]["message"], str)
        assert record["error"]["type"]
        anthropics = path in (MESSAGES, COUNT)
        assert not anthropics or record["type"] == "error"
