from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import Unavailable
from seatrial.kernel.store import StoreUnavailable
from seatrial.release.endpoint import EndpointTarget
from seatrial.release.measurement import Summary
from seatrial.release.variant import Split
from seatrial.serving import fleet as fleet_module
from seatrial.serving import worker as worker_module
from seatrial.serving.engine import EngineKind, Says, Seen
from seatrial.serving.fleet import Fleet
from seatrial.serving.live import LiveVersion
from seatrial.serving.queue import Closed
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.serving.shadow import Copies
from seatrial.serving.worker import Worker
from seatrial.testing.memory_store import MemoryStore

MakeLive = Callable[..., LiveVersion]
NAME = "worker/s/0"


@dataclass
class House:
    """A worker with everything around it, and what the test may change."""

    worker: Worker
    router: Router
    recorder: Recorder
    store: Any
    targets: dict[str, EndpointTarget] = field(default_factory=dict)
    broken: dict[int, Exception] = field(default_factory=dict)
    opened: list[LiveVersion] = field(default_factory=list)

    def want(self, revision: int, **split: Any) -> None:
        wanted = Split(**split)
        digests = {version: f"d{version}" for version in wanted.versions}
        self.targets = {
            "churn": EndpointTarget(
                endpoint="churn", revision=revision, split=wanted, digests=digests
            )
        }

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    async def applied(self, revision: int) -> None:
        await self.until(lambda: self.said("applied").get("churn") == revision)

    def said(self, key: str) -> Any:
        beats = MemoryStore.present(self.store, NAME)
        return beats[0].data[key] if beats else {}


@pytest.fixture
def house(make_live: MakeLive, store: Any) -> Callable[..., Any]:
    @asynccontextmanager
    async def build(
        name: str = NAME, *, beside: Any = None, **live_options: Any
    ) -> AsyncIterator[House]:
        recorder = Recorder(worker=name, clock=SystemClock())
        router = Router(recorder)

        def open_version(endpoint: str, version: int, digest: str) -> LiveVersion:
            if version in built.broken:
                raise built.broken[version]
            live = make_live(version, endpoint=endpoint, **live_options)
            built.opened.append(live)
            return live

        def targets() -> dict[str, EndpointTarget]:
            if store.problem is not None:
                raise store.problem
            return built.targets

        loop = asyncio.get_running_loop()
        clock = SystemClock()
        fleet = Fleet(router=router, open_version=open_version, loop=loop, clock=clock)
        worker = Worker(
            name=name,
            address="http://127.0.0.1:8080",
            store=store,
            targets=targets,
            fleets={"model": fleet},
            router=router,
            recorder=recorder,
            clock=clock,
            copies=Copies(),
            beside=beside,
        )
        built = House(worker, router, recorder, store)
        try:
            yield built
        finally:
            store.problem = None
            if worker._thread.is_alive():
                await worker.stop(drain_s=1.0)

    return build


async def test_it_looks_at_once_when_it_starts(
    house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_POLL_S", 600.0)
    async with house() as built:
        built.worker.start()
        await built.until(lambda: built.worker.status().ready)


async def test_it_loads_applies_and_says_so(
    house: Callable[..., Any], fakes: SimpleNamespace
) -> None:
    async with house() as built:
        built.want(3, stable=1)
        built.worker.start()
        await built.applied(3)
        assert built.said("loaded") == {"churn": [1]}
        assert built.worker.status().ready
        assert built.worker.status().problems == {}
        pick = built.router.pick("churn", b"k")
        assert pick.version.predict(fakes.row(4))["prediction"].tolist() == [4.0]


async def test_it_is_not_ready_before_its_targets_are_read_and_loaded(
    house: Callable[..., Any],
) -> None:
    async with house() as built:
        built.store.fail()
        built.worker.start()
        await built.until(lambda: "targets" in built.worker.status().problems)
        assert not built.worker.status().ready
        built.want(1, stable=1)
        built.store.problem = None
        await built.until(lambda: built.worker.status().ready)


async def test_a_version_that_cannot_be_loaded_is_reported_and_the_old_split_serves_on(
    house: Callable[..., Any],
) -> None:
    async with house() as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        built.broken[2] = Unavailable("The bundle is torn.", remedy="Package it again.")
        built.want(2, stable=1, canary=2, canary_share=1.0)
        await built.until(lambda: bool(built.said("failed")))
        assert "bundle is torn" in built.said("failed")["churn"]["2"]
        assert built.said("applied") == {}
        assert built.router.pick("churn", b"k").version.version == 1
        assert built.worker.status().ready
        built.want(3, stable=1)
        await built.applied(3)
        assert built.said("failed") == {}


async def test_a_fresh_worker_whose_canary_cannot_be_loaded_serves_stable_but_claims_nothing(
    house: Callable[..., Any],
) -> None:
    async with house() as built:
        built.broken[2] = ValueError("surprise")
        built.want(2, stable=1, canary=2, canary_share=0.5)
        built.worker.start()
        await built.until(lambda: bool(built.said("failed")) and "churn" in built.router.models())
        assert "surprise" in built.said("failed")["churn"]["2"]
        assert built.router.pick("churn", b"k").version.version == 1
        assert built.said("applied") == {}


async def test_a_failed_load_is_tried_again(
    house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "_RETRY_S", 0.05)
    async with house() as built:
        built.broken[1] = Unavailable("No memory.", remedy="Wait.")
        built.want(1, stable=1)
        built.worker.start()
        await built.until(lambda: bool(built.said("failed")))
        built.broken.clear()
        await built.applied(1)
        assert built.said("failed") == {}


async def test_a_version_that_left_ends_after_its_requests(
    house: Callable[..., Any], fakes: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "_SETTLE_S", 0.05)
    native = fakes.native()
    native.gate = asyncio.Event()
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    async with house(native=native, how=how) as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        live = built.router.pick("churn").version
        answer = live.predict(fakes.row(5))
        built.want(2, stable=2)
        await built.applied(2)
        await built.until(lambda: built.said("draining") == ["churn/1"])
        assert not native.inner.closed
        native.gate.set()
        assert (await answer)["prediction"].tolist() == [10.0]
        await built.until(lambda: built.said("draining") == [])
        with pytest.raises(Closed):
            live.predict(fakes.row(1))


async def test_a_store_that_fails_changes_nothing_of_what_is_served_and_loses_no_measurement(
    house: Callable[..., Any],
) -> None:
    async with house() as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        built.store.fail()
        await built.until(lambda: len(built.worker.status().problems) >= 2)
        assert "seatrial_store_up{" in built.worker.metrics()
        for _ in range(10):
            built.router.pick("churn").observe(0.01, "ok")
        await built.until(lambda: built.recorder.n_unsent == 1)
        assert built.worker.status().ready
        built.store.problem = None
        await built.until(lambda: built.worker.status().problems == {})
        await built.until(lambda: built.recorder.n_unsent == 0)
        assert sum(summary.n for summary in evidence(built.store)) == 10


async def test_a_canarys_error_reaches_the_store_at_once(
    house: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house() as built:
        built.want(1, stable=1, canary=2, canary_share=1.0)
        built.worker.start()
        await built.applied(1)
        built.worker._flush_at = time.monotonic() + 3600.0
        built.router.pick("churn").observe(0.01, "error:timeout")
        await built.until(lambda: len(evidence(built.store)) == 1)
        assert built.worker._flush_at < time.monotonic() + 60.0


async def test_any_worker_answers_for_all_of_its_server(house: Callable[..., Any]) -> None:
    async with house() as one, house("worker/s/1") as other:
        for built in (one, other):
            built.want(1, stable=1)
            built.worker.start()
            await built.until(lambda built=built: built.worker.status().ready)
            built.router.pick("churn").observe(0.01, "ok")
        line = 'outcome="ok",worker="worker/s/{}"}} 1'
        await one.until(lambda: all(line.format(i) in one.worker.metrics() for i in (0, 1)))
        assert one.said("requests") == 1


async def test_stopping_hands_in_everything_and_takes_its_name_off(
    house: Callable[..., Any], fakes: SimpleNamespace
) -> None:
    async with house() as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        pick = built.router.pick("churn")
        for _ in range(7):
            pick.observe(0.01, "ok")
        await built.worker.stop()
        assert sum(summary.n for summary in evidence(built.store)) == 7
        assert built.store.present(NAME) == []
        with pytest.raises(Closed):
            pick.version.predict(fakes.row(1))


async def test_an_engine_that_does_not_end_keeps_no_measurement_back(
    house: Callable[..., Any], fakes: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "_SETTLE_S", 0.05)
    native = fakes.native()
    never = asyncio.Event()
    native.close = never.wait
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    async with house(native=native, how=how) as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        built.router.pick("churn").observe(0.01, "ok")
        await built.worker.stop(drain_s=0.05)
        assert sum(summary.n for summary in evidence(built.store)) == 1
        never.set()


async def test_something_unforeseen_does_not_end_the_thread(house: Callable[..., Any]) -> None:
    async with house() as built:
        built.store.problem = StoreUnavailable("x", remedy="y")
        built.worker.start()
        built.store.problem = RuntimeError("surprise")
        await built.until(lambda: "surprise" in str(built.worker.status().problems))
        built.want(1, stable=1)
        built.store.problem = None
        await built.applied(1)


def evidence(store: MemoryStore) -> list[Summary]:
    return [Summary.decode(piece.summary) for _, piece in store.read_slices("churn")]


async def test_it_says_what_it_uses_of_the_machine(house: Callable[..., Any]) -> None:
    async with house() as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        said = built.said("counts")
        assert said["cpu_s"] > 0
        assert said["memory_bytes"] > said["rss_bytes"] > 0
        assert said["n_cpus"] > 0


async def test_it_says_what_an_engine_elsewhere_says(
    house: Callable[..., Any], fakes: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_BEAT_S", 0.0)
    native = fakes.native()
    native.seen = Seen(says=Says.SILENT, since=datetime(2026, 1, 1, tzinfo=UTC))
    how = fakes.plan((1, fakes.choice(EngineKind.REMOTE, inline=False)))
    async with house(native=native, how=how) as built:
        built.want(1, stable=1)
        built.worker.start()
        await built.applied(1)
        said = {"says": "silent", "since": "2026-01-01T00:00:00+00:00"}
        await built.until(lambda: built.said("engines") == {"churn": {"1": said}})
        native.seen = None
        await built.until(lambda: built.said("engines") == {})


class Calls:
    """What else is counted."""

    def __init__(self, n: int) -> None:
        self.n = n

    def snapshot(self) -> object:
        return {"n": self.n}

    def exposition(self, workers: Mapping[str, Any]) -> str:
        return "".join(f"calls {name} {one['n']}\n" for name, one in sorted(workers.items()) if one)


async def test_any_worker_tells_what_all_of_them_count_besides(
    house: Callable[..., Any],
) -> None:
    first, second, third = (f"worker/s/{n}" for n in range(3))
    async with (
        house(first, beside=Calls(1)) as one,
        house(second, beside=Calls(2)) as other,
        house(third) as silent,
    ):
        for built in (other, silent, one):
            built.worker.start()
        await one.until(lambda: f"calls {second} 2" in one.worker.metrics())
        assert f"calls {first} 1" in one.worker.metrics()
        assert f"calls {third}" not in one.worker.metrics()
        one.worker._beside.n = 5
        assert f"calls {first} 5" in one.worker.metrics()
