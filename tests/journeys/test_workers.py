"""Several workers count as one: what a gate reads is the sum over all of them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from seatrial.packaging.http import Connection, request_bytes
from seatrial.release.evidence import Evidence

pytestmark = [pytest.mark.integration, pytest.mark.slow]

N_CONNECTIONS = 60
N_EACH = 20
N_ASKED = N_CONNECTIONS * N_EACH


async def ask_all(port: int, lab: Any) -> list[int]:
    """The same number of requests over each of many connections; returns the statuses."""

    async def one(n: int) -> list[int]:
        async with Connection("127.0.0.1", port) as connection:
            return [
                (await connection.send(lab.PLAIN[(n + i) % len(lab.PLAIN)])).status
                for i in range(N_EACH)
            ]

    return [
        status for part in await asyncio.gather(*map(one, range(N_CONNECTIONS))) for status in part
    ]


async def counted(port: int) -> int:
    """The requests that /metrics tells of, asked of whichever worker answers."""
    async with Connection("127.0.0.1", port) as connection:
        page = (await connection.send(request_bytes("GET", "/metrics"))).body.decode()
    lines = re.findall(r"^seatrial_requests_total\{[^}]*\} (\S+)$", page, re.M)
    return sum(int(float(value)) for value in lines)


async def test_the_measurements_of_all_workers_add_up_to_what_was_asked(
    home: Any, bundles: Any, lab: Any
) -> None:
    version = home.in_production(bundles.onnx())
    revision = home.desk.state(lab.NAME).target_revision
    up = home.up("--workers", "3")
    await asyncio.to_thread(lab.until, "all workers", lambda: home.settled(3))

    assert await ask_all(up.port, lab) == [200] * N_ASKED

    evidence = Evidence(home.store, lab.NAME)

    def arrived() -> bool:
        evidence.refresh()
        return evidence.of(version, revision=revision).n >= N_ASKED

    await asyncio.to_thread(lab.until, "the measurements", arrived)
    summary = evidence.of(version, revision=revision)
    assert (summary.n, summary.n_errors) == (N_ASKED, 0)
    pieces = [piece for _, piece in home.store.read_slices(lab.NAME)]
    assert len({piece.worker for piece in pieces}) > 1, "one worker answered everything"

    for _ in range(10):
        while await counted(up.port) != N_ASKED:
            assert await counted(up.port) <= N_ASKED
    assert up.stop() == 0
    evidence.refresh()
    assert evidence.of(version, revision=revision).n == N_ASKED
    assert home.store.present("worker/") == []
