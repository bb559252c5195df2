"""A gateway with next to no duties, as an ASGI application: looks at the key, reads the body, hands
it on, reads the usage and adds it up.
"""

from __future__ import annotations

import hmac
import os
from functools import cache

import aiohttp
import orjson

UPSTREAM = os.environ["BENCH_UPSTREAM"] + "/chat/completions"
KEY = b"Bearer " + os.environ["BENCH_KEY"].encode()
SENT = {"content-type": "application/json", "authorization": "Bearer upstream"}
JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream")

totals = {"tokens": 0}


@cache
def session() -> aiohttp.ClientSession:
    """Kept connections to the provider, made in the running loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )


async def app(scope, receive, send):
    """One request."""
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    if not hmac.compare_digest(given, KEY):
        await send({"type": "http.response.start", "status": 401, "headers": [JSON]})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    asked = orjson.loads(body)
    async with session().post(UPSTREAM, data=body, headers=SENT) as response:
        if asked.get("stream"):
            await send({"type": "http.response.start", "status": 200, "headers": [EVENTS]})
            async for part in response.content.iter_any():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        answer = await response.read()
    totals["tokens"] += orjson.loads(answer)["usage"]["total_tokens"]
    head = [JSON, (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": response.status, "headers": head})
    await send({"type": "http.response.body", "body": answer})
