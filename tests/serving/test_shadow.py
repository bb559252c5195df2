from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

from seatrial.release.variant import Split
from seatrial.serving.engine import EngineKind
from seatrial.serving.live import LiveVersion
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.serving.shadow import Copies
from seatrial.testing.clock import FakeClock

MakeLive = Callable[..., LiveVersion]


def routed(clock: FakeClock, stable: LiveVersion, shadow: LiveVersion) -> tuple[Router, Recorder]:
    recorder = Recorder(worker="w", clock=clock)
    router = Router(recorder)
    split = Split(stable=1, shadow=2, shadow_share=1.0)
    router.apply("churn", 1, split, {1: stable, 2: shadow})
    return router, recorder


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_copy_runs_after_the_caller_went_on_and_is_recorded_as_the_shadows(
    clock: FakeClock, make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    engine = fakes.engine()
    router, recorder = routed(clock, make_live(1), make_live(2, engine=engine))
    copies = Copies()
    for value in (1, -1):  # the second one makes the model fail
        copies.offer(router.pick("churn", b"k"), fakes.row(value))
    assert engine.calls == []
    await until(lambda: len(engine.calls) == 2)
    recorder.collect()
    totals = recorder.totals()
    assert set(totals) == {("churn", 2)}
    assert totals["churn", 2].summary.n == 2
    assert totals["churn", 2].summary.errors == {"failed": 1}
    await copies.close()


async def test_a_request_without_a_shadow_makes_no_copy(
    clock: FakeClock, make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    engine = fakes.engine()
    router, _ = routed(clock, make_live(1), make_live(2, engine=engine))
    copies = Copies()
    copies.offer(router.pick("churn", b"k", 1), fakes.row(1))
    await asyncio.sleep(0)
    assert (engine.calls, copies.n_dropped) == ([], 0)


async def test_under_pressure_copies_are_dropped_and_counted(
    clock: FakeClock, make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    native = fakes.native()
    native.gate = asyncio.Event()
    await native.start()
    how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
    router, _ = routed(clock, make_live(1), make_live(2, native=native, how=how))
    copies = Copies(max_waiting=3, max_rows=10)
    pick = router.pick("churn", b"k")
    copies.offer(pick, fakes.row(*range(8)))
    copies.offer(pick, fakes.row(1, 2, 3))
    assert copies.n_dropped == 1
    for _ in range(10):
        copies.offer(pick, fakes.row(1))
    assert copies.n_dropped == 9
    await copies.close()
    assert copies.n_dropped == 12


async def test_a_shadow_that_left_meanwhile_costs_nothing_but_the_copy(
    clock: FakeClock, make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    shadow = make_live(2)
    router, recorder = routed(clock, make_live(1), shadow)
    copies = Copies()
    copies.offer(router.pick("churn", b"k"), fakes.row(1))
    await shadow.close()
    await until(lambda: copies.n_dropped == 1)
    recorder.collect()
    assert recorder.totals() == {}
    await copies.close()
