"""A store, registries in memory and the flow of arrivals, without packaging anything for real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seatrial.registry.catalog import Registration, Version, register
from seatrial.registry.manifest import Framework
from seatrial.registry.models import Fetched
from seatrial.registry.offers import OwnRegistry
from seatrial.release.desk import Desk
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Event, Looked, Phase, Staged, Warmed, decide
from seatrial.release.verdict import Outcome as Judged
from seatrial.steps.runs import Runs
from seatrial.steps.worker import Worker
from seatrial.testing import FakeClock, MemoryRegistry, MemoryStore
from seatrial.training.following.config import RegistryConfig
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.registry import arrival_comparison, arrival_packaging
from seatrial.wiring.registry.card import Verdict
from seatrial.wiring.registry.flow import RegistryFlow
from seatrial.wiring.registry.follow import Follower
from seatrial.wiring.settings import Settings
from seatrial.wiring.workspace import Workspace


class Killed(BaseException):
    """As kill -9: nothing that runs afterwards runs."""


@dataclass
class Bench:
    """All that an arrival meets. What packaging and evaluation give is set by the test."""

    folder: Path
    config: dict[str, Any]
    store: MemoryStore = field(init=False)
    verdict: str = "better"
    packaging: Callable[[Order], None] = lambda _: None
    evaluating: Callable[[], None] = lambda: None
    n_packaged: int = 0
    n_evaluated: int = 0
    n_workers: int = 0

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock)
        self.mlflow = MemoryRegistry()
        self.settings = Settings(registry=RegistryConfig.model_validate(self.config))
        self.workspace = Workspace(home=self.folder / "home", settings=self.settings)
        self.own = OwnRegistry(self.store, self.folder / "offers")
        self.start()

    def start(self) -> None:
        """A new process."""
        self.n_workers += 1
        holder = f"w{self.n_workers}"
        registries = {"own": self.own, "mlflow": self.mlflow}
        flow = RegistryFlow(self.workspace, self.store, registries, address=lambda: "http://here")
        workflow = flow.workflow()
        self.worker = Worker(
            self.store, [workflow], clock=self.clock, holder=holder, spawn=lambda work, _: work()
        )
        self.follower = Follower(
            self.store,
            registries,
            self.settings.registry,
            workflow,
            clock=self.clock,
            holder=holder,
            offered=self.own.models,
        )

    def registered(self, content: bytes, *, model: str = "churn", **more: Any) -> int:
        file = self.folder / f"{content.hex()}.pkl"
        file.write_bytes(content)
        return self.mlflow.register(model, Fetched(file=file, **more))

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.follower.tick()
            self.worker.tick()
            self.clock.advance(1.0)

    def until(self, endpoint: str, phase: Phase) -> None:
        """Tick until the endpoint's release is in a phase."""
        for _ in range(60):
            self.tick()
            state = self.states().find(endpoint)
            if state.rollout is not None and state.rollout.phase is phase:
                return
        raise AssertionError(f"{endpoint} never came to {phase}")

    def settles(self, outcome: str) -> None:
        """Tick until the newest run is at an outcome, or a status."""
        for _ in range(40):
            if self.runs() and self.runs()[-1][1] == outcome:
                return
            self.tick()
        raise AssertionError(f"{self.runs()} never came to {outcome}")

    def happens(self, event: Event, endpoint: str = "churn") -> None:
        """What the controller of releases would say."""
        endpoints = self.states()
        state = endpoints.get(endpoint)
        assert state.rollout is not None
        endpoints.append(endpoint, decide(state.rollout, event, stable=state.stable))

    def states(self) -> Endpoints:
        endpoints = Endpoints(self.store)
        endpoints.refresh()
        return endpoints

    def controlled(self) -> None:
        """Stage, load and judge whatever stands there, all well."""
        passing: dict[Phase, Event] = {
            Phase.STAGING: Staged(passed=True, reason="tests passed"),
            Phase.WARMING: Warmed(),
            Phase.CANARY: Looked(
                outcome=Judged.PASS, reason="all gates passed", watched_s=1e9, judgement={}
            ),
        }
        endpoints = self.states()
        for name in endpoints.names():
            active = endpoints.get(name).active
            if active is not None and active.phase in passing:
                self.happens(passing[active.phase], name)

    def run(self, times: int = 40) -> None:
        """Until nothing happens any more."""
        for _ in range(times):
            self.tick()
            self.controlled()

    def runs(self) -> list[tuple[str, str]]:
        """Key and outcome of each run."""
        runs = Runs(self.store)
        runs.refresh()
        return [(run.key, run.outcome or run.status.value) for run in runs.all(kind="registry")]

    def releases(self, endpoint: str = "churn") -> list[int]:
        """The versions whose release began, in order."""
        facts = Desk(self.store).history(endpoint)
        data: list[Any] = [f["data"] for f in facts if f["kind"] == "release.started"]
        return [one["version"] for one in data]

    def promoted(self, endpoint: str = "churn") -> list[int]:
        facts = Desk(self.store).history(endpoint)
        data: list[Any] = [f["data"] for f in facts if f["kind"] == "release.promoted"]
        return [one["version"] for one in data]

    def tags(self, number: int) -> dict[str, str]:
        return dict(self.mlflow.versions("churn")[number - 1].tags)


@contextmanager
def benched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any]
) -> Iterator[Bench]:
    """A bench whose flow packages and evaluates nothing for real."""
    bench = Bench(folder, config)

    def packed(_w: object, _d: object, store: Any, order: Order, **_: Any) -> Version:
        bench.n_packaged += 1
        bench.packaging(order)
        digest = order.model.stem.ljust(64, "0")
        registration = Registration(
            digest=digest,
            framework=Framework(name="f", version="1"),
            source_name=order.model.name,
            source_sha256="s",
        )
        return register(store, order.endpoint, registration, by="test")

    def judged(*_: Any, **__: Any) -> str:
        bench.n_evaluated += 1
        bench.evaluating()
        return bench.verdict

    def written(_folder: Path, found: str) -> Verdict:
        record = {"outcome": found, "reason": {"en": f"It is {found}."}}
        return Verdict(outcome=found, reason=f"It is {found}.", record=record)

    monkeypatch.setattr(arrival_packaging, "register_order", packed)
    monkeypatch.setattr(arrival_comparison.ArrivalComparison, "_evaluated", judged)
    monkeypatch.setattr(arrival_comparison, "write_evaluation", written)
    monkeypatch.setattr(arrival_packaging.Bundle, "open", lambda *_, **__: None)
    yield bench
