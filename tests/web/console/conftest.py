"""An endpoint with a version in production and one on trial, on a store in memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from seatrial.experiments.desk import ExperimentDesk
from seatrial.features.desk import FeatureDesk
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Slice
from seatrial.monitoring.alerts.book import AlertBook
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.watching.report_log import ReportLog
from seatrial.monitoring.watching.report_record import report_record
from seatrial.monitoring.watching.server_monitor import BEAT
from seatrial.monitoring.watching.variants import side_by_side
from seatrial.monitoring.watching.watch import Span, Watch
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.monitoring.watching.watch_findings import findings
from seatrial.rag.knowledge.desk import KnowledgeDesk
from seatrial.release.answer_gates import AnswerReleaseConfig
from seatrial.release.config import ReleaseConfig
from seatrial.release.controller import Controller
from seatrial.release.desk import Desk
from seatrial.release.measurement import UNKNOWN, Quality, Summary, quality
from seatrial.release.rollout import MODEL, Plan, Rollout, Staged
from seatrial.testing import MemoryStore
from seatrial.training.runs.desk import RunDesk
from seatrial.web.console.model_pages import Models
from seatrial.web.console.pages import console_router
from seatrial.web.control import control_router
from seatrial.web.guard import Guard

sys.path.append(str(Path(__file__).parent))  # tests of pages share `parsed_page`

TOKEN = "correct horse battery staple"
REPORT = {
    "endpoint": "churn",
    "version": 1,
    "digest": "a" * 64,
    "passed": True,
    "reason": "8 tests passed",
    "tests": [{"name": "health", "passed": True, "detail": "<b>fine</b>", "seconds": 0.1}],
    "measured": {"p95_ms": 4.0, "n": 100.0, "n_failed": 0.0, "requests_per_s": 50.0},
}


@dataclass
class Stager:
    """A stager whose tests have all ended already."""

    passed: bool = True

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        return Staged(passed=self.passed, reason=REPORT["reason"], report=REPORT)

    def close(self) -> None:
        """Nothing to end."""


class World:
    """A store, and the releases in it."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock=SystemClock())
        self.desk = Desk(self.store)
        self.experiments = ExperimentDesk(self.store, now=SystemClock().now)
        self.spend: SpendDesk | None = None
        self.knowledge: KnowledgeDesk | None = None
        self.features: FeatureDesk | None = None
        self.training: RunDesk | None = None
        self.models: Models | None = None

    def start(
        self, name: str, version: int, *, kind: str = MODEL, plan: Plan | None = None
    ) -> None:
        self.desk.start(
            name,
            version=version,
            digest=f"{version:064x}",
            target="production",
            plan=plan or ReleaseConfig().plan(),
            by="ann <i>",
            notes={},
            kind=kind,
        )

    def tick(self, name: str, *, passed: bool = True) -> None:
        stager = Stager(passed=passed)
        self.store.beat(
            "worker/s/0",
            {
                "address": "http://127.0.0.1:1",
                "loaded": {name: [1, 2]},
                "applied": {name: self.desk.state(name).target_revision},
                "failed": {name: {}},
            },
        )
        controller = Controller(self.store, clock=SystemClock(), stager=stager, holder="test")
        controller.tick()
        controller.close()

    def promoted(self, name: str = "churn") -> None:
        self.start(name, 1)
        self.tick(name)

    def prompt_on_trial(self, name: str = "support") -> None:
        """A prompt whose version 2 costs ten times as much as version 1."""
        plan = AnswerReleaseConfig().plan()
        self.start(name, 1, kind="prompt", plan=plan)
        self.tick(name)
        self.start(name, 2, kind="prompt", plan=plan)
        costs = {1: Decimal("0.000006"), 2: Decimal("0.00006")}
        each = {v: quality(fits=True, cost_usd=cost, score=0.5) for v, cost in costs.items()}
        qualities = {v: sum([one] * 120, UNKNOWN) for v, one in each.items()}
        self._answered(name, n=120, n_errors=0, qualities=qualities)

    def on_trial(self, name: str = "churn", *, n: int = 500, n_errors: int = 0) -> None:
        self.promoted(name)
        self.start(name, 2)
        self._answered(name, n=n, n_errors=n_errors, qualities={})

    def _answered(
        self, name: str, *, n: int, n_errors: int, qualities: Mapping[int, Quality]
    ) -> None:
        for _ in range(3):
            self.tick(name)
        rollout = self.desk.state(name).rollout
        assert rollout is not None
        self.store.add_slices(
            [
                Slice(
                    endpoint=name,
                    version=version,
                    revision=rollout.step_revision,
                    worker="w",
                    start=datetime.now(UTC),
                    width_s=1,
                    summary=replace(
                        Summary.of([0.01] * n, errors={"engine_error": n_errors}),
                        quality=qualities.get(version, UNKNOWN),
                    ).encode(),
                )
                for version in (1, 2)
            ]
        )
        self.tick(name)


SIGNALS: list[dict[str, Any]] = [
    {
        "signal": "p95",
        "level": "ok",
        "code": "service.under_level",
        "reason": "p95 12 ms over the last 5 min (0 of 4,210 slower than 100 ms), under 100 ms",
        "unit": "ms",
        "value": 12.0,
        "interval": {"lower": 11.0, "upper": 13.0},
        "limit": 100.0,
        "n": 4210,
        "crosses_in_s": None,
        "crosses_interval_s": None,
        "labels": {},
        "evidence": {},
    },
    {
        "signal": "memory",
        "level": "warning",
        "code": "service.will_be_critical",
        "reason": "memory 71 %, under 80 %; crosses 90 % in about 40 min if it goes on like this",
        "unit": "share",
        "value": 0.71,
        "interval": None,
        "limit": 0.9,
        "n": None,
        "crosses_in_s": 2400.0,
        "crosses_interval_s": {"lower": 1800.0, "upper": 3900.0},
        "labels": {},
        "evidence": {},
    },
]
"""What a monitor says of a service: one level kept, one that will be broken."""


def side_of_two() -> dict[str, Any]:
    """Version 2 is slower than version 1 in production, and errs as often."""
    times = np.random.default_rng(3).exponential(0.02, 20_000)
    return side_by_side(
        {
            1: Summary.of(times, errors={"timeout": 10}),
            2: Summary.of(2 * times[:5_000], errors={"timeout": 2}),
        },
        compared_with=1,
    ).as_dict() | {"since": "2026-11-02T06:00:00+00:00", "until": "2026-11-02T08:00:00+00:00"}


class Scene:
    """Rows of a model as they come in, some of them drifting, and what the watch makes of them.

    Args:
        n_columns: numbers beside ``income``, ``age`` and ``city``.
        names: what the first columns are called instead, and the values of ``city``.
    """

    def __init__(
        self, *, n_columns: int = 4, names: tuple[str, str, str] = ("income", "age", "city")
    ) -> None:
        self._n_columns = n_columns
        self._names = names
        self._cities = ("Oslo", "Wuhan", "Lima")
        reference = self.rows(4_000, seed=0)
        self._profile = profile_of(reference[0], predictions=reference[1])
        self._summariser = Summariser(self._profile, segments=[names[2]])
        self._watch = Watch(
            self._profile,
            importance={names[0]: 3.0},
            segments=self._summariser.summarise(*reference),
        )
        self.start = datetime.now(UTC) - timedelta(hours=8)

    def rows(
        self, n: int, *, seed: int, drift: float = 0.0, missing: float = 0.0
    ) -> tuple[Table, Table]:
        """Features and answers; ``drift`` in standard deviations of income."""
        rng = np.random.default_rng(seed)
        income, age, city = self._names
        cities = self._cities if not drift else (*self._cities, "Lyon")
        codes = rng.integers(0, len(cities), n).astype(np.int32)
        ages = rng.normal(40, 10, n)
        ages[rng.random(n) < missing] = np.nan
        columns = {
            income: np.exp(10 + 0.5 * (rng.normal(size=n) + drift)),
            age: ages,
            city: Coded(codes, cities),
        } | {f"feature_{i:03d}": rng.normal(size=n) for i in range(self._n_columns)}
        answers = {"score": rng.beta(2, 5, n) + 0.05 * drift}
        return Table(columns=columns, n=n), Table(columns=answers, n=n)

    def reports(self, *drifts: float, n: int = 500) -> list[dict[str, Any]]:
        """The records of windows that drift so far each."""
        return [report_record(one) for one in self._reports(drifts, n)]

    def _reports(self, drifts: tuple[float, ...], n: int) -> list[Any]:
        state, found = self._watch.start(), []
        for i, drift in enumerate(drifts):
            at = self.start + timedelta(minutes=10 * i)
            rows = self.rows(n, seed=i + 1, drift=drift, missing=0.3 if drift > 0.8 else 0.0)
            span = Span(start=at, end=at + timedelta(minutes=10))
            state, report = self._watch.step(state, self._summariser.summarise(*rows), span)
            found.append(report)
        return found

    def fill(self, store: MemoryStore, name: str, *drifts: float, version: int = 1) -> list[str]:
        """Let a store hold what a monitor would have kept; returns the keys of firing alerts."""
        log, book = ReportLog(store, name), AlertBook(store)
        for i, report in enumerate(self._reports(drifts, 500)):
            log.append(version, report_record(report), report.span, state=b"", position=i)
            book.observe(findings(report, endpoint=name, version=version), now=report.span.end)
        store.beat(
            BEAT,
            {
                "service": {name: SIGNALS},
                "filling": {name: {str(version): 137}},
                "variants": {name: side_of_two()},
            },
        )
        return [a.key for a in book.alerts(name) if a.phase == "firing"]

    def trouble(self, store: MemoryStore, name: str, text: str = "p95 is 250 ms.") -> str:
        """An alert without steps of its own; returns its key."""
        book, labels = AlertBook(store), Labels(endpoint=name, kind="latency")
        found = Finding(labels=labels, level=Level.WARNING, what=Phrase(text))
        book.observe([found], now=datetime.now(UTC))
        return labels.key


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture(scope="session")
def make_scene() -> type[Scene]:
    return Scene


@pytest.fixture
def world() -> World:
    return World()


Browse = Callable[..., httpx.AsyncClient]


@pytest.fixture
def browse(world: World) -> Browse:
    """A client on the console and the control routes; Denied becomes 403, NotFound 404."""

    def client(
        *, token: str | None = None, address: str = "127.0.0.1", **options: Any
    ) -> httpx.AsyncClient:
        app = FastAPI()
        guard = Guard(token=token)
        app.include_router(control_router(world.desk, guard))
        app.include_router(
            console_router(
                world.desk,
                WatchDesk(world.store),
                guard,
                experiments=world.experiments,
                spend=world.spend,
                knowledge=world.knowledge,
                features=world.features,
                models=world.models,
                training=world.training,
            )
        )
        _errors(app)
        transport = httpx.ASGITransport(app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", **options)

    return client


def _errors(app: FastAPI) -> None:
    from fastapi import Request, Response

    from seatrial.kernel.errors import SeatrialError
    from seatrial.web.errors import error_reply

    @app.exception_handler(SeatrialError)
    def refuse(request: Request, error: SeatrialError) -> Response:
        reply = error_reply(error, request.url.path)
        return Response(reply.body, reply.status)
