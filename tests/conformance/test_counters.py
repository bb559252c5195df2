"""Counters against the suite that defines one: over a double of Prometheus, and the real one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from seatrial.adapters.telemetry.counters_prometheus import PrometheusCounters
from seatrial.release.judge_config import JudgeConfig
from seatrial.testing import CountersSuite
from tests.adapters.prometheus_double import Double, served
from tests.adapters.prometheus_server import prometheus
from tests.conformance.counted_lives import counters as all_counters
from tests.conformance.counted_lives import openmetrics

NOW = 1_700_000_000.0


def counters_at(address: str) -> PrometheusCounters:
    return PrometheusCounters(JudgeConfig(prometheus=address), now=lambda: NOW)


@pytest.fixture(scope="module")
def doubled() -> Iterator[str]:
    double = Double()
    for name, labels, readings in all_counters(NOW):
        double.add(name, readings, **labels)
    server = served(double)
    yield double.url
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "counted").write_text(openmetrics(NOW))
    words = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "counted", "data"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    with prometheus(folder, []) as address:
        yield address


class TestOverTheDouble(CountersSuite):
    @pytest.fixture
    def counters(self, doubled: str) -> PrometheusCounters:
        return counters_at(doubled)


@pytest.mark.integration
class TestOverPrometheus(CountersSuite):
    @pytest.fixture
    def counters(self, real: str) -> PrometheusCounters:
        return counters_at(real)
