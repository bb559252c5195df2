"""A real Prometheus scrapes a running server with the generated rules loaded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from seatrial.monitoring.service.config import BudgetConfig, BurnConfig, ServiceConfig
from seatrial.packaging.grafana import dashboard
from seatrial.packaging.prometheus_rule import RuleTiming
from seatrial.packaging.prometheus_rules import rule_file

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FAIL = 12.0
ALERT = "SeatrialErrorBudgetBurn12s"
CONFIG = ServiceConfig(
    window=10.0,
    trend=60.0,
    error_budget=BudgetConfig(share=0.01, windows=(BurnConfig(long=12, short=4, factor=5),)),
)
TIMING = RuleTiming(every_s=1, for_s=2, absent_s=5)


class Prometheus:
    """A Prometheus of its own, on loopback, that scrapes one address each second."""

    def __init__(self, folder: Path, target: str) -> None:
        program = shutil.which("prometheus")
        assert program, "install Debian's package prometheus"
        folder.mkdir()
        (folder / "rules.yml").write_text(rule_file(CONFIG, timing=TIMING))
        scraped = {"job_name": "seatrial", "static_configs": [{"targets": [target]}]}
        whole = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [scraped],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(whole))
        self._log = folder / "log"
        with self._log.open("wb") as sink:
            self.process = subprocess.Popen(
                [
                    program,
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    "--web.listen-address=127.0.0.1:0",
                ],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    @property
    def address(self) -> str | None:
        """Where it listens; None while it does not yet."""
        said = self._log.read_text(errors="replace")
        assert self.process.poll() is None, said
        found = re.search(r'Listening on"? address=(127\.0\.0\.1:\d+)', said)
        return found[1] if found else None

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            with urlopen(f"http://{self.address}/-/ready", timeout=10):
                return self.address is not None
        except (URLError, OSError, ValueError):
            return False

    def query(self, expr: str) -> list[Any]:
        """The series of an instant query; of a range when it ends in one."""
        with urlopen(f"http://{self.address}/api/v1/query?query={quote(expr)}", timeout=30) as page:
            said = json.load(page)
        assert said["status"] == "success", said
        series: list[Any] = said["data"]["result"]
        return series

    def value(self, expr: str) -> float | None:
        """The value of a query with one series; None without any."""
        series = self.query(expr)
        return float(series[0]["value"][1]) if series else None

    def state(self, alert: str) -> str:
        """``inactive``, ``pending`` or ``firing``."""
        with urlopen(f"http://{self.address}/api/v1/alerts", timeout=30) as page:
            held = json.load(page)["data"]["alerts"]
        states = [a["state"] for a in held if a["labels"]["alertname"] == alert]
        return states[0] if states else "inactive"

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def served(home: Any, bundles: Any, lab: Any) -> Any:
    """A server whose version in production fails for some rows."""
    home.in_production(bundles.native("fails"))
    up = home.up("--workers", "2")
    lab.until("the workers", lambda: home.settled(2))
    return up


@pytest.fixture
def prometheus(served: Any, tmp_path: Path, lab: Any) -> Iterator[Prometheus]:
    started = Prometheus(tmp_path / "prometheus", f"127.0.0.1:{served.port}")
    try:
        lab.until("Prometheus", started.ready)
        yield started
    finally:
        started.end()


def test_errors_make_the_alert_pending_then_firing_and_their_end_resolves_it(
    served: Any, prometheus: Prometheus, lab: Any
) -> None:
    good = [lab.ask(row) for row in lab.ROWS]
    bad = [*good, lab.ask([FAIL, 3.0, 4.0, 1.0])]
    asked = "sum(seatrial:requests:rate10s)"

    with lab.Traffic(served.port, good, n_clients=2, pause_s=0.02):
        lab.until("traffic in Prometheus", lambda: (prometheus.value(asked) or 0) > 1)
        lab.until("an error rate", lambda: prometheus.value("seatrial:error_ratio:rate12s") == 0)
    assert prometheus.state(ALERT) == "inactive"

    with lab.Traffic(served.port, bad, n_clients=2, pause_s=0.02):
        lab.until("the alert", lambda: prometheus.state(ALERT) == "firing")
        assert prometheus.value("seatrial:error_ratio:rate4s") == pytest.approx(0.25, abs=0.1)
        assert prometheus.state("SeatrialErrorRateCritical") != "inactive"

    held = prometheus.query(f'ALERTS{{alertname="{ALERT}"}}[10m]')
    first = {s["metric"]["alertstate"]: s["values"][0][0] for s in held}
    assert first["pending"] < first["firing"]
    assert held[0]["metric"]["model"] == lab.NAME

    with lab.Traffic(served.port, good, n_clients=2, pause_s=0.02):
        lab.until("the end of the alert", lambda: prometheus.state(ALERT) == "inactive")


def test_what_servers_tell_is_what_rules_and_dashboard_ask_for(
    served: Any, prometheus: Prometheus, lab: Any
) -> None:
    with lab.Traffic(served.port, [lab.ask(row) for row in lab.ROWS], n_clients=2, pause_s=0.02):
        lab.until("a p95", lambda: prometheus.query("seatrial:latency_p95_seconds:rate10s > 0"))
        lab.until("processor time", lambda: prometheus.query(cpu) != [])
        panels = json.loads(dashboard(CONFIG, over_s=10.0))["panels"]
        filled = {
            panel["title"]: [prometheus.query(chosen(t["expr"])) for t in panel["targets"]]
            for panel in panels
        }
    empty = {title for title, series in filled.items() if not any(series)}
    # Bundles of journeys are packaged without a sample: there is nothing to compare rows with.
    of_the_watch = {"Drift by feature", "Features in alarm", "Prediction drift"}
    of_performance = {"Accuracy", "Performance by metric"}
    assert empty == of_the_watch | of_performance | {"Errors by kind"}
    share = prometheus.value("sum(seatrial_memory_bytes) / max(seatrial_memory_limit_bytes)")
    assert share is not None
    assert 0 < share < 1
    assert prometheus.query("seatrial_store_up == 1")
    with urlopen(f"http://{prometheus.address}/api/v1/rules", timeout=30) as page:
        groups = json.load(page)["data"]["groups"]
    broken = [r["name"] for g in groups for r in g["rules"] if r["health"] == "err"]
    assert len(groups) == 8
    assert broken == []


cpu = "sum by (instance) (rate(seatrial_cpu_seconds_total[10s])) > 0"


def chosen(query: str) -> str:
    """A query of the dashboard with its variables at "all"."""
    return query.replace("$endpoint", ".*").replace("$version", ".*")
