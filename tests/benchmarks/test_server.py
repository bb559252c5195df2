"""A server under test: how long it is left alone between loads."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.serving import server
from benchmarks.serving.server import REST_LIMIT_S, REST_S, Server


class Busy:
    """A process that computes for a while and then waits."""

    def __init__(self, busy_s: float) -> None:
        self.now = 0.0
        self._busy_s = busy_s

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def cpu_times(self) -> Any:
        return SimpleNamespace(user=min(self.now, self._busy_s), system=0.001 * self.now)

    def children(self, *, recursive: bool) -> Iterator[Any]:
        return iter(())


@pytest.mark.parametrize(("busy_s", "rested_s"), [(0.0, REST_S), (1.6, 2.0), (1e9, REST_LIMIT_S)])
def test_a_server_is_left_alone_until_it_has_nothing_left_to_do(
    monkeypatch: pytest.MonkeyPatch, busy_s: float, rested_s: float
) -> None:
    process: Any = Busy(busy_s)
    monkeypatch.setattr(server, "time", process)
    Server(process=process, port=1, cold_start_s=0.0).rest()
    assert process.now == pytest.approx(rested_s)
