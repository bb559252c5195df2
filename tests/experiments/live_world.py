"""An endpoint with two tested versions, and what an experiment on it takes, without a server."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.adapters.labels.sqlite_experiment import SqliteExperiment
from seatrial.experiments.conductor import Conductor
from seatrial.experiments.desk import ExperimentDesk
from seatrial.kernel.events import Draft
from seatrial.release.endpoint import EndpointState, start
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Plan, Staged, Step, decide
from seatrial.serving.outcome import OK
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.testing import FakeClock, MemoryStore

PLAN = Plan(steps=(Step(share=0.5, watch_s=0.0),))
DESIGN: Mapping[str, Any] = {
    "experiment": "offers",
    "endpoint": "m",
    "versions": {"today": 1, "next": 2},
    "variants": {"today": 1, "next": 1},
    "primary": {"name": "bought", "kind": "share", "effect": 0.02, "baseline": {"mean": 0.1}},
    "horizon": {"units": 4000},
}


class World:
    """Its parts; a worker is a router and a recorder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.store = MemoryStore(clock=self.clock)
        self.endpoints = Endpoints(self.store)
        self.desk = ExperimentDesk(self.store, now=self.clock.now)
        self.conductor = self.new_conductor("first")
        self.recorder = Recorder(worker="w", clock=self.clock)
        self.router: Router[int] = Router(self.recorder)
        for version, target in ((1, "production"), (2, "staging")):
            self.release(version, target)

    def new_conductor(self, holder: str) -> Conductor:
        return Conductor(
            self.store,
            clock=self.clock,
            open_ledger=lambda name, names: SqliteExperiment(self.folder / f"{name}.db", names),
            holder=holder,
        )

    def release(self, version: int, target: str, *, name: str = "m") -> None:
        self.endpoints.change(
            name,
            lambda state: start(
                state, version=version, digest=f"d{version}", target=target, plan=PLAN
            ),
        )
        self.endpoints.change(name, _passed)

    @property
    def state(self) -> EndpointState:
        self.endpoints.refresh()
        return self.endpoints.get("m")

    def serve(self) -> None:
        """What the sync thread of a worker does with a new split."""
        target = self.state.target
        loaded = {version: version for version in target.split.versions}
        self.router.apply("m", target.revision, target.split, loaded)

    def ask(self, users: Sequence[str]) -> dict[str, int]:
        """The version that each user meets."""
        met = {}
        for user in users:
            pick = self.router.pick("m", user.encode())
            pick.observe(0.02, OK)
            met[user] = pick.version
        self.recorder.flush(self.store)
        return met

    def buy(
        self,
        met: Mapping[str, int],
        shares: Mapping[int, float],
        *,
        seed: int,
        name: str = "offers",
    ) -> None:
        """So many users of each version buy, and it is told twice."""
        rng = random.Random(seed)
        rows = [
            {"user": user, "metric": "bought", "value": 1, "id": "o"}
            for user, version in met.items()
            if rng.random() < shares[version]
        ]
        for some in (rows, rows[::2]):
            self.desk.add(name, some)

    def tick(self, *, after_s: float = 120.0) -> None:
        self.clock.advance(after_s)
        assert self.conductor.tick()


def _passed(state: EndpointState) -> list[Draft]:
    assert state.rollout is not None
    return decide(state.rollout, Staged(passed=True, reason="fine"), stable=state.stable)
