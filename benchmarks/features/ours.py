"""Our side: predictions of rows that came whole, and of rows that name an entity, in turns."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop

from seatrial.adapters.features.feast_repository import open_folder
from seatrial.features.batched import BatchedReader
from seatrial.features.config import LookupConfig
from seatrial.features.lookup import EndpointLookup, Lookups
from seatrial.features.plan import plan_of
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.exchange import Reply, Request
from seatrial.serving.plane import DataPlane
from seatrial.testing.models import live_version, router_of
from seatrial.web.errors import error_reply
from seatrial.wiring.features.commands import now_us
from seatrial.wiring.worker import _SWITCH_S

N_USERS = 100
SIGNATURE = Signature(
    features=(
        Feature(name="purchase_count_30d", dtype=Dtype.FLOAT64),
        Feature(name="avg_order_value", dtype=Dtype.FLOAT64, nullable=True),
        Feature(name="amount", dtype=Dtype.FLOAT64),
    ),
    outputs=(Output(name="prediction", dtype=Dtype.INT64),),
    task=Task.REGRESSION,
    matrix=False,
)


def request(rows: Sequence[object]) -> Request:
    body = json.dumps({"instances": rows}).encode()
    return Request("POST", "/v1/models/m:predict", b"", {}, body)


def whole(keys: int) -> Request:
    row = {"purchase_count_30d": 3, "avg_order_value": 41.5, "amount": 2.0}
    return request([row] * keys)


def named(keys: int) -> Request:
    return request(
        [{"entity": {"user_id": random.randint(1, N_USERS)}, "amount": 2.0} for _ in range(keys)]
    )


async def answer(plane: DataPlane, asked: Request) -> None:
    made = plane.handle(asked)
    reply = made if isinstance(made, Reply) else await made
    assert reply.status == 200, reply.body


class Timed:
    """Wall times of one kind of request, and the processor time of this process."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.cpu_s = 0.0

    async def run(self, plane: DataPlane, asked: Sequence[Request]) -> None:
        cpu = time.process_time()
        for one in asked:
            began = time.perf_counter()
            await answer(plane, one)
            self.seconds.append(time.perf_counter() - began)
        self.cpu_s += time.process_time() - cpu

    def told(self) -> dict[str, float]:
        ordered, n = sorted(self.seconds), len(self.seconds)
        return {
            "p50_ms": 1000 * ordered[n // 2],
            "p95_ms": 1000 * ordered[n * 95 // 100],
            "cpu_ms": 1000 * self.cpu_s / n,
        }


async def measured(folder: Path, *, keys: int, n: int) -> dict[str, Any]:
    """Whole and named rows in blocks of fifty, in turns, and sixteen requests at once."""
    place = open_folder(folder)
    plan = plan_of(LookupConfig(service="user_activity", deadline=5.0), place.repository())
    store = place.open_online(timeout_s=5.0)
    lookups = Lookups({"m": EndpointLookup(BatchedReader(store, plan), plan, now_us=now_us)})
    live = live_version(SIGNATURE, endpoint="m")
    plane = DataPlane(router_of(live), error_reply, completion=lookups)
    sides = {"whole": Timed(), "named": Timed()}
    for _ in range(max(1, n // 50)):
        await sides["whole"].run(plane, [whole(keys)] * 50)
        await sides["named"].run(plane, [named(keys) for _ in range(50)])
    together, cpu = time.perf_counter(), time.process_time()
    rounds = max(1, n // 64)
    for _ in range(rounds):
        await asyncio.gather(*(answer(plane, named(keys)) for _ in range(16)))
    told: dict[str, Any] = {name: side.told() for name, side in sides.items()}
    told["sixteen_ms"] = 1000 * (time.perf_counter() - together) / rounds / 16
    told["sixteen_cpu_ms"] = 1000 * (time.process_time() - cpu) / rounds / 16
    alone = place.open_online(timeout_s=5.0)
    view, features = next(iter(plan.views.items()))
    seconds = []
    for _ in range(n):
        some = [(random.randint(1, N_USERS),) for _ in range(keys)]
        began = time.perf_counter()
        alone.read(view, features, some)
        seconds.append(time.perf_counter() - began)
    alone.close()
    told["read_ms"] = 1000 * sorted(seconds)[n // 2]
    await lookups.close()
    return told


def run(folder: Path, *, keys: int, n: int) -> dict[str, Any]:
    """One round, on the event loop and with the settings of a worker."""
    sys.setswitchinterval(_SWITCH_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measured(folder, keys=keys, n=n))
