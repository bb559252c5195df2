"""Closed-loop load: every answer counted once."""

from __future__ import annotations

import asyncio

from seatrial.packaging.http import request_bytes
from seatrial.packaging.load import LoadResult, run_load

HOST = "127.0.0.1"


async def test_every_kind_of_failure_is_counted_and_every_request_once() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                seen.append(head.split(b" ")[1])
                match seen[-1]:
                    case b"/ok":
                        writer.write(b"HTTP/1.1 204 X\r\n\r\n")
                    case b"/bad":
                        writer.write(b"HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n")
                    case b"/gone":
                        break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    requests = [request_bytes("GET", path) for path in ("/ok", "/bad", "/gone")]
    result = await run_load(HOST, port, requests, concurrency=3, seconds=0.2)
    server.close()
    assert result.n == len(seen) == len(result.latencies_s)
    assert result.failures == {"500": seen.count(b"/bad"), "no_answer": seen.count(b"/gone")}
    assert result.rate > 0
    summary = result.summary()
    assert (summary.n, summary.n_errors) == (result.n, result.n_failed)
    assert list(result.percentiles_ms()) == ["p50", "p95", "p99"]


def test_of_few_requests_a_percentile_is_the_next_longer_one_that_was_seen() -> None:
    few = LoadResult(seconds=1.0, latencies_s=[0.001 * k for k in range(1, 21)])
    spread = few.spread_ms()
    assert [round(spread[f"p{p}_ms"]) for p in (96, 97, 98, 99)] == [20, 20, 20, 20]
    assert spread["n"] == 20
    assert LoadResult().spread_ms() == {}


def test_loads_one_after_the_other_add_up() -> None:
    one = LoadResult(seconds=1.0, latencies_s=[0.1], failures={"500": 1})
    both = one + LoadResult(seconds=2.0, latencies_s=[0.2, 0.3], failures={"500": 1, "timeout": 1})
    assert (both.seconds, both.n, both.failures) == (3.0, 3, {"500": 2, "timeout": 1})


async def test_silence_is_a_timeout() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    result = await run_load(
        HOST, port, [request_bytes("GET", "/")], concurrency=2, seconds=0.05, timeout_s=0.05
    )
    server.close()
    assert set(result.failures) == {"timeout"}
    assert result.n == result.n_failed >= 2


def test_nothing_sent_has_no_percentiles_and_no_rate() -> None:
    assert LoadResult().percentiles_ms() == {}
    assert LoadResult().rate == 0.0
