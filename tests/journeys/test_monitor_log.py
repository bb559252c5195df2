"""The log of another server under watch: it grows, the monitor is killed, and nothing is lost.

Real processes, a real web hook on loopback; waits end as soon as what is waited for is there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
import yaml

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.monitoring.watching.report_log import ReportLog

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "monitoring"
SCRIPT = ROOT / "scripts" / "ml_monitoring_suite.py"

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def until(found: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if got := found():
            return got
        time.sleep(0.02)
    raise AssertionError(f"in {timeout_s:.0f} s there was no {what}")


class Watch:
    """The example's configuration over a log that grows, and the processes that watch it."""

    def __init__(self, folder: Path, hook: str) -> None:
        self.folder = folder
        self.out = folder / "out"
        self.config = folder / "monitoring.yaml"
        shutil.copy(EXAMPLE / "reference.parquet", folder)
        content = yaml.safe_load((EXAMPLE / "monitoring.yaml").read_text())
        content["data"]["source"] = "log.csv"
        content["poll"] = 0.05
        content["notify"] = {
            "sinks": {"hook": {"kind": "webhook", "url": hook, "wait": 0.2, "interval": 0.2}}
        }
        self.config.write_text(yaml.safe_dump(content))
        self.rows = pq.read_table(EXAMPLE / "current.parquet").to_pylist()
        self.reference = pq.read_table(EXAMPLE / "reference.parquet").to_pylist()
        self.log = folder / "log.csv"
        self.log.write_text(",".join(self.rows[0]) + "\n")
        self.processes: list[subprocess.Popen[str]] = []

    def environment(self) -> dict[str, str]:
        home = str(self.folder / "home")
        return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "SEATRIAL_HOME": home}

    def write(self, rows: list[dict[str, object]]) -> None:
        with self.log.open("a") as log:
            for row in rows:
                log.write(",".join(str(value) for value in row.values()) + "\n")

    def begin(self) -> subprocess.Popen[str]:
        with (self.folder / "said.txt").open("a") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "seatrial", "monitor", "run", "--config", str(self.config)],
                env=self.environment(),
                cwd=self.folder,
                stdout=said,
                stderr=said,
                text=True,
            )
        self.processes.append(process)
        return process

    def script(self, *more: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), "--config", str(self.config), "--json", *more],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def spans(self) -> list[tuple[str, int]]:
        """End and rows of each window kept, in order."""
        if not (self.out / "monitor.db").exists():
            return []
        store = SqliteStore.from_url(f"sqlite:///{self.out / 'monitor.db'}")
        try:
            kept = ReportLog(store, "houses").refresh().get(1)
            return [(p.end.isoformat(), p.n) for p in kept.series] if kept else []
        finally:
            store.close()

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def watch(tmp_path: Path, hooks: Any) -> Iterator[Watch]:
    watch = Watch(tmp_path, hooks.url)
    yield watch
    watch.end()


def test_a_growing_log_is_watched_through_kills_and_its_alert_is_told_once(
    watch: Watch, hooks: Any
) -> None:
    rng = np.random.default_rng(5)
    written = 0
    for n in (1_300, 700, 900, 600):  # none of them ends with a window
        process = watch.begin()
        watch.write(watch.rows[written : written + n])
        written += n
        expected = written // 500
        until(lambda expected=expected: len(watch.spans()) >= max(1, expected - 1), "window")
        time.sleep(float(rng.uniform(0, 0.1)))  # anywhere between two of its steps
        process.send_signal(signal.SIGKILL)
        process.wait()
    last = watch.begin()
    until(lambda: len(watch.spans()) == 7, "last window")
    until(lambda: hooks.taken, "message")
    until((watch.out / "report.html").exists, "report")
    until(lambda: json.loads((watch.out / "monitor.json").read_text())["pid"] == last.pid, "start")
    last.send_signal(signal.SIGTERM)
    assert last.wait(timeout=20) == 0

    times = [row["timestamp"].isoformat() for row in watch.rows]
    assert watch.spans() == [(times[500 * k + 499], 500) for k in range(7)]
    fired = {
        message.headers["webhook-id"]
        for message in hooks.taken
        for alert in message.json["alerts"]
        if (alert["labels"]["kind"], alert["phase"]) == ("input_drift", "firing")
    }
    assert len(fired) == 1  # a message that was sent and not noted is sent again under its id
    store = SqliteStore.from_url(f"sqlite:///{watch.out / 'monitor.db'}")
    raised = [f.data["key"] for f in store.read(stream="alerts/houses") if f.kind == "alert.fired"]
    store.close()
    assert len(raised) == len(set(raised))
    page = (watch.out / "report.html").read_text()
    assert re.findall(r"(?:https?:)?//[^\s\"'<>]+|<script|<link|@import", page) == []
    assert "seatrial_drift_psi{" in (watch.out / "seatrial.prom").read_text()


def test_deploy_says_why_a_monitor_did_not_start(watch: Watch) -> None:
    content = yaml.safe_load(watch.config.read_text())
    content["data"]["columns"]["label"] = "labl"
    watch.config.write_text(yaml.safe_dump(content))
    watch.write(watch.rows[:100])
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--config", str(watch.config), "--deploy"],
        env=watch.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 10
    assert "no column 'labl'" in done.stderr


def test_deploy_starts_a_monitor_that_stop_ends(watch: Watch, hooks: Any) -> None:
    watch.write(watch.rows[:1_000])
    found = watch.script()
    assert found["log"]["rows"] == 1_000
    assert found["sinks"] == [
        {
            "name": "hook",
            "kind": "webhook",
            "reachable": True,
            "said": f"127.0.0.1:{hooks.port} takes connections",
        }
    ]
    assert not watch.out.exists()

    started = watch.script("--deploy", "--port", "0")
    process = psutil.Process(started["monitor"]["pid"])
    try:
        names = {Path(path).name for path in started["files"]}
        assert names == {"rules.yml", "prometheusrule.yaml", "dashboard.json"}
        until(lambda: len(watch.spans()) == 2, "window")

        def drift() -> str | None:
            with urllib.request.urlopen(started["monitor"]["address"], timeout=5) as reply:
                text = reply.read().decode()
            return text if 'seatrial_alerts_firing{endpoint="houses"' in text else None

        assert 'severity="critical"} ' in until(drift, "alert in the metrics")
        again = subprocess.run(
            [sys.executable, str(SCRIPT), "--config", str(watch.config), "--deploy"],
            env=watch.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert again.returncode == 8
        assert str(process.pid) in again.stderr
        done = subprocess.run(
            [sys.executable, "-m", "seatrial", "monitor", "stop", "--config", str(watch.config)],
            env=watch.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert not process.is_running()
        assert not (watch.out / "monitor.json").exists()
    finally:
        if process.is_running():
            process.kill()
