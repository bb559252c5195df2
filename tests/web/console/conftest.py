"""An endpoint with a version in production and one on trial, on a store in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import Slice
from seatrial.monitoring.watch_desk import WatchDesk
from seatrial.release.config import ReleaseConfig
from seatrial.release.controller import Controller
from seatrial.release.desk import Desk
from seatrial.release.measurement import Summary
from seatrial.release.rollout import Rollout, Staged
from seatrial.testing import MemoryStore
from seatrial.web.console.pages import console_router
from seatrial.web.control import control_router
from seatrial.web.guard import Guard

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

    def start(self, name: str, version: int) -> None:
        self.desk.start(
            name,
            version=version,
            digest=f"{version:064x}",
            target="production",
            plan=ReleaseConfig().plan(),
            by="ann <i>",
            notes={},
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

    def on_trial(self, name: str = "churn", *, n: int = 500, n_errors: int = 0) -> None:
        self.promoted(name)
        self.start(name, 2)
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
                    summary=Summary.of([0.01] * n, errors={"engine_error": n_errors}).encode(),
                )
                for version in (1, 2)
            ]
        )
        self.tick(name)


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
        app.include_router(console_router(world.desk, WatchDesk(world.store), guard))
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
