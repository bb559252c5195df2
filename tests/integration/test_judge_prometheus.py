"""The judge over a real Prometheus that scrapes what our servers expose."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seatrial.adapters.telemetry.counters_prometheus import PrometheusCounters, QueryRefused
from seatrial.release.config import ReleaseConfig
from seatrial.release.counted import Seen, judge_counted
from seatrial.release.judge_config import JudgeConfig
from seatrial.release.verdict import Outcome
from seatrial.serving.metrics import BUCKETS_S, VersionCounts, WorkerCounts, exposition
from tests.adapters.prometheus_server import prometheus, until

pytestmark = pytest.mark.integration


class Pod:
    """A server of one version of churn, as far as its /metrics go."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.answer(0)

    def answer(self, ok: int, *, errors: int = 0, slow: int = 0) -> None:
        """Have answered so many since it began."""
        n = ok + errors
        counts = VersionCounts(
            model="churn",
            version=self.version,
            answers={"ok": ok, "rejected": 0, "shed": 0},
            errors={"timeout": errors},
            buckets=[n - slow if edge <= 0.1 else n for edge in BUCKETS_S],
            seconds=0.02 * n,
            loaded=True,
        )
        self.text = exposition({"standalone": WorkerCounts(versions=[counts], store_up=True)})


@contextmanager
def exposed(pods: dict[str, Pod]) -> Iterator[int]:
    """Every pod at a path of its own, 404 before it is there; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pod = pods.get(self.path.strip("/"))
            body = pod.text.encode() if pod else b""
            self.send_response(200 if pod else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def jobs(scraped: int) -> list[dict[str, object]]:
    """Both pods."""
    targets = [{"targets": [f"127.0.0.1:{scraped}"]}]
    return [
        {"job_name": name, "metrics_path": f"/{name}", "static_configs": targets}
        for name in ("stable", "canary")
    ]


def test_a_canary_is_judged_by_what_prometheus_scraped(tmp_path: Path) -> None:
    stable, canary = Pod(2), Pod(3)
    stable.answer(1_000_000, errors=7)
    pods = {"stable": stable}
    gates = ReleaseConfig().gates.gates()
    with exposed(pods) as port, prometheus(tmp_path, jobs(port)) as address:
        counters = PrometheusCounters(JudgeConfig(prometheus=address, lookback=3600), now=time.time)

        def seen() -> Seen:
            return counters.seen("churn", canary="3", stable=None)

        def judged(watch_s: float = 0) -> Outcome:
            return judge_counted(gates, seen(), watch_s=watch_s).outcome

        def shows(n: int) -> None:
            until(lambda: seen().canary.requests == n, why=lambda: f"{n}: {seen()}")

        assert seen().canary.requests == 0
        assert judged() is Outcome.INCONCLUSIVE
        time.sleep(6)  # so that stable was there before the canary
        pods["canary"] = canary
        canary.answer(3000)
        stable.answer(1_060_000, errors=9)
        shows(3000)
        time.sleep(6)  # so that a reading is taken of it before it begins again
        canary.answer(500, errors=0, slow=4)
        stable.answer(1_090_000, errors=9)
        shows(3500)
        until(lambda: seen().stable.requests == 90_002, why=lambda: str(seen()))
        found = seen()
        assert found.canary.errors == 0
        assert found.canary.at_most_s is not None
        assert found.canary.at_most_s[0.1] == 3496
        assert found.stable is not None
        assert found.stable.errors == 2
        assert judged(watch_s=3600) is Outcome.INCONCLUSIVE
        canary.answer(6000, slow=4)
        shows(9000)
        assert judged() is Outcome.PASS
        canary.answer(6000, errors=500, slow=4)
        shows(9500)
        assert judged(watch_s=3600) is Outcome.FAIL

        broken = JudgeConfig(prometheus=address, errors="nonsense{$variant")
        with pytest.raises(QueryRefused, match="parse error"):
            PrometheusCounters(broken, now=time.time).seen("churn", canary="3", stable=None)
        with urllib.request.urlopen(f"{address}/api/v1/targets") as reply:
            assert len(json.load(reply)["data"]["activeTargets"]) == 2
