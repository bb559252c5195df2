"""A native model that crashes, hangs, leaks or raises is its own problem, and nobody else's."""

from __future__ import annotations

import http.client
import json
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CRASH, HANG, LEAK, FAIL = 1001.0, 1002.0, 1003.0, 12.0
LEAKED_BYTES = 64 << 20
N_LEAKS = 40
LIMIT_BYTES = 2 << 30


class Native:
    """The version on trial, asked by its number."""

    def __init__(self, port: int, path: str, version: int) -> None:
        self._port = port
        self._path = path
        self._version = version

    def __call__(self, first: float) -> int:
        """The status of an answer to a row that begins with ``first``."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"content-type": "application/json", "x-seatrial-version": str(self._version)}
        connection.request(
            "POST", self._path, json.dumps({"instances": [[first, 3.0, 4.0, 1.0]]}), headers
        )
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status


@pytest.fixture
def trial(home: Any, bundles: Any, lab: Any) -> Any:
    """A server with a canary that obeys its rows, and no controller that would take it away."""
    home.in_production(bundles.onnx())
    version = home.release(bundles.native("obeys"))
    home.say("staging.passed", reason="fine", report={})
    home.say("canary.warming")
    home.say("step.entered", step=0, share=0.5, shadow=0.0)
    assert home.store.acquire("controller", "the test", ttl_s=3600) is not None
    up = home.up("--workers", "1")
    lab.until("the worker", lambda: home.settled(1))
    return up, Native(up.port, lab.PATH, version)


def with_others_watched(lab: Any, up: Any, trouble: Any) -> None:
    """Cause trouble while others use the version in production; they must not notice."""
    others = [lab.ask(row, version=1) for row in lab.ROWS]
    with lab.Traffic(up.port, others, n_clients=4, pause_s=0.002) as traffic:
        lab.until("others", lambda: len(traffic.asked) > 20)
        trouble()
        n_asked = len(traffic.asked)
        lab.until("others after it", lambda: len(traffic.asked) > n_asked + 20)
    assert {(a.status, a.version) for a in traffic.asked} == {(200, 1)}
    assert up.stop() == 0
    lab.until("every process ended", up.gone)


@pytest.mark.parametrize(
    ("wish", "status"), [(CRASH, {500, 503}), (HANG, {504}), (FAIL, {500})]
)  # far from all rows it knew
def test_trouble_in_one_version_is_its_own(
    lab: Any, trial: Any, wish: float, status: set[int]
) -> None:
    up, native = trial

    def trouble() -> None:
        assert native(5.0) == 200
        for _ in range(2):
            assert native(wish) in status
            lab.until("it answers again", lambda: native(5.0) == 200)

    with_others_watched(lab, up, trouble)


def test_a_version_that_leaks_is_replaced_before_it_takes_the_machine(lab: Any, trial: Any) -> None:
    up, native = trial
    before = set(up.engines())
    largest = 0

    def trouble() -> None:
        nonlocal largest
        for _ in range(N_LEAKS):
            lab.until("an answer", lambda: native(LEAK) == 200)
            engines = [psutil.Process(pid) for pid in up.engines()]
            largest = max(largest, *(engine.memory_info().rss for engine in engines))
        lab.until("it answers", lambda: native(5.0) == 200)

    assert N_LEAKS * LEAKED_BYTES > LIMIT_BYTES
    with_others_watched(lab, up, trouble)
    assert largest < LIMIT_BYTES + 2 * LEAKED_BYTES
    assert before
