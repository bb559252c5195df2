"""A thousand split changes, promotions and rollbacks under load, on real tables and queues."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from seatrial.registry.signature import Batch, Prediction
from seatrial.release.measurement import Summary
from seatrial.release.variant import Split
from seatrial.serving.engine import EngineKind
from seatrial.serving.live import LiveVersion
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore

MakeLive = Callable[..., LiveVersion]

N_CHANGES = 1_000
N_CLIENTS = 16


class Slow:
    """Answers with its version after giving way a few times, as a child process would."""

    ready = True

    def __init__(self, version: int) -> None:
        self._version = version
        self._closed = False

    async def start(self) -> None:
        pass

    async def predict(self, batch: Batch, timeout_s: float) -> Prediction:
        for _ in range(3):
            await asyncio.sleep(0)
        assert not self._closed, "ran on an engine that was closed"
        return {"prediction": np.full(len(batch), self._version, dtype=np.float32)}

    async def close(self) -> None:
        self._closed = True

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(restarts=0, pid=None, seen=None)


class Town:
    """Changes what is served while clients ask."""

    def __init__(self, make_live: MakeLive, fakes: SimpleNamespace) -> None:
        self.recorder = Recorder(worker="w", clock=FakeClock())
        self.router = Router(self.recorder)
        self.n_answers = 0
        self._chance = random.Random(7)
        self._make_live = make_live
        self._fakes = fakes
        self._loaded: dict[int, LiveVersion] = {}
        self._leaving: list[asyncio.Task[None]] = []
        self._n_versions = 0
        self.done = False

    def load(self) -> int:
        """Load a new version; every other one runs in a (fake) child behind a queue."""
        self._n_versions += 1
        version = self._n_versions
        fakes = self._fakes
        if version % 2:
            how = fakes.plan((1, fakes.choice(EngineKind.NATIVE, inline=False)))
            live = self._make_live(version, native=Slow(version), how=how)
        else:
            live = self._make_live(version)
        self._loaded[version] = live
        return version

    def apply(self, revision: int, split: Split) -> None:
        """Swap the table; versions it does not name begin to leave at once."""
        named = {v: self._loaded[v] for v in split.versions}
        self.router.apply("churn", revision, split, named)
        for version in self._loaded.keys() - named.keys():
            leaving = self._loaded.pop(version).close(drain_s=20.0)
            self._leaving.append(asyncio.ensure_future(leaving))

    async def change(self) -> None:
        """Start canaries, raise shares, promote and roll back, as fast as the loop allows."""
        stable, canary = self.load(), None
        self.apply(1, Split(stable=stable))
        for revision in range(2, N_CHANGES + 2):
            wish = self._chance.random()
            if canary is None:
                canary = self.load()
                split = Split(stable=stable, canary=canary, canary_share=0.05, salt=str(canary))
            elif wish < 0.4:
                share = self._chance.random()
                split = Split(stable=stable, canary=canary, canary_share=share, salt=str(canary))
            else:
                stable, canary = (canary if wish < 0.7 else stable), None
                split = Split(stable=stable)
            self.apply(revision, split)
            await asyncio.sleep(0)
        self.done = True

    async def ask(self, client: int) -> None:
        """Ask without pause; every answer must come from a version live when it was asked."""
        n = 0
        while not self.done:
            n += 1
            key = f"{client}-{n % 7}".encode() if client % 2 else None
            table = self.router.table("churn")
            pick = self.router.pick("churn", key)
            assert pick.version.version in table.split.versions
            assert pick.revision == table.revision
            answer = pick.version.predict(self._fakes.row(1.0))
            prediction = answer if isinstance(answer, dict) else await answer
            assert prediction["prediction"].tolist() == [float(pick.version.version)]
            pick.observe(0.001, "ok")
            self.n_answers += 1
            await asyncio.sleep(0)

    async def left(self) -> None:
        """Wait until every version that left has ended."""
        await asyncio.gather(*self._leaving)


async def test_a_thousand_changes_lose_no_request_and_none_meets_a_version_that_left(
    make_live: MakeLive, fakes: SimpleNamespace
) -> None:
    town = Town(make_live, fakes)
    change = asyncio.ensure_future(town.change())
    await asyncio.sleep(0)
    await asyncio.gather(change, *(town.ask(client) for client in range(N_CLIENTS)))
    await town.left()
    assert town.n_answers > N_CHANGES
    store = MemoryStore()
    town.recorder.flush(store)
    counted = sum(Summary.decode(s.summary).n for _, s in store.read_slices("churn"))
    assert counted == town.n_answers
