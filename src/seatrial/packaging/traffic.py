"""Traffic as users make it: many people, some of them often, at a steady rate.

Run as a program by the demo: ``python -m seatrial.packaging.traffic SPEC`` with a JSON file that
holds a `Spec`; it sends until its standard input ends, then prints what came back as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
import uvloop

from seatrial.packaging.http import AnswerLate, Connection, NoAnswer, request_bytes

_TICK_S = 0.005


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to send.

    Args:
        host: with ``port`` the server.
        path: of the prediction route.
        rows: the rows to choose from, as JSON values.
        rate: requests per second, > 0.
        n_users: people; the k-th sends with a frequency of 1/k (Zipf's law).
        many: share of requests that hold ``many_rows`` rows instead of one.
        connections: at most so many requests are in flight.
    """

    host: str
    port: int
    path: str
    rows: list[object]
    rate: float = 2000.0
    n_users: int = 5000
    many: float = 0.1
    many_rows: int = 64
    connections: int = 64
    seed: int = 0


@dataclass(slots=True)
class Tally:
    """What came back.

    Args:
        statuses: answers by status and version, such as ``200 v2``; ``no answer`` for none.
        skipped: requests not sent because all connections were busy.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    skipped: int = 0


def requests_of(spec: Spec) -> list[bytes]:
    """One whole request per user, each with the user's key and rows.

    Every user asks with rows of their own, so what a version does to one of them it does again.
    """
    rng = np.random.default_rng(spec.seed)
    made = []
    for user in range(spec.n_users):
        n = spec.many_rows if rng.random() < spec.many else 1
        chosen = [spec.rows[i] for i in rng.integers(0, len(spec.rows), n)]
        body = json.dumps({"instances": chosen}).encode()
        headers = {"content-type": "application/json", "x-seatrial-key": f"user-{user}"}
        made.append(request_bytes("POST", spec.path, body=body, headers=headers))
    return made


def who_asks(spec: Spec, n: int, seed: int) -> Sequence[int]:
    """The users behind the next ``n`` requests."""
    weights = 1.0 / np.arange(1, spec.n_users + 1)
    rng = np.random.default_rng(seed)
    chosen: list[int] = rng.choice(spec.n_users, n, p=weights / weights.sum()).tolist()
    return chosen


async def send(spec: Spec, stop: asyncio.Event) -> Tally:
    """Send at the spec's rate until ``stop`` is set; waits for what is in flight."""
    requests = requests_of(spec)
    tally = Tally()
    idle = [Connection(spec.host, spec.port) for _ in range(spec.connections)]
    running: set[asyncio.Task[None]] = set()
    begun, sent, round_ = time.perf_counter(), 0, 0
    users: list[int] = []
    while not stop.is_set():
        due = int((time.perf_counter() - begun) * spec.rate) - sent
        sent += due
        for _ in range(due):
            if not users:
                round_ += 1
                users = list(who_asks(spec, 10_000, spec.seed + round_))
            user = users.pop()
            if not idle:
                tally.skipped += 1
                continue
            task = asyncio.create_task(_one(idle, idle.pop(), requests[user], tally))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.sleep(_TICK_S)
    await asyncio.gather(*running)
    for connection in idle:
        connection.close()
    return tally


async def _one(
    idle: list[Connection], connection: Connection, request: bytes, tally: Tally
) -> None:
    """Send one request over a connection that was taken from the idle ones, and give it back."""
    try:
        answer = await connection.send(request)
        version = answer.headers.get("x-seatrial-version", "?")
        tally.statuses[f"{answer.status} v{version}"] += 1
    except (NoAnswer, AnswerLate):
        tally.statuses["no answer"] += 1
    finally:
        idle.append(connection)


async def _until_input_ends(spec: Spec) -> Tally:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    stdin = sys.stdin.fileno()

    def heard() -> None:
        if not os.read(stdin, 64):
            loop.remove_reader(stdin)
            stop.set()

    loop.add_reader(stdin, heard)
    return await send(spec, stop)


def _main() -> None:
    spec = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Spec)
    tally = uvloop.run(_until_input_ends(spec))
    json.dump({"answers": dict(tally.statuses), "skipped": tally.skipped}, sys.stdout)


if __name__ == "__main__":
    _main()
