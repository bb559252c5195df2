"""A log that another server wrote, in which one segment gets worse while the whole hardly moves.

Real commands over files, and the page that is mailed in a real browser.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from chromium import Visit, launched

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "ml_monitoring_suite.py"
REGIONS, SHARES = ("north", "south", "west", "islands"), (0.45, 0.32, 0.2, 0.03)

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def rows(seed: int, n: int, *, first: int = 0, wrong: str = "") -> pd.DataFrame:
    """Answers with scores that are right; in one region a coin decides what comes true."""
    rng = np.random.default_rng(seed)
    region = rng.choice(REGIONS, n, p=SHARES)
    p = (0.01 + 0.98 * rng.beta(0.4, 0.4, n)).round(3)
    y = rng.random(n) < np.where(region == wrong, 0.5, p)
    number = np.arange(first, first + n)
    return pd.DataFrame(
        {
            "prediction_id": [f"p{i}" for i in number],
            "timestamp": np.datetime64("2026-02-01") + number * np.timedelta64(30, "s"),
            "age": rng.normal(45, 12, n).round(1),
            "region": region,
            "prediction": (p > 0.5).astype(int),
            "probability": p,
            "label": y.astype(int),
        }
    )


class Files:
    """A reference, a log and the configuration that names them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rows(0, 8_000).to_csv(folder / "reference.csv", index=False)
        self.config = folder / "monitoring.yaml"
        content = {
            "endpoint": "churn",
            "data": "log.csv",
            "reference": {"source": "reference.csv", "holdout": True},
            "segments": "region",
            "windows": {"rows": 1_000},
            "performance": {"keep": "400d"},
            "alerts": {"default": {"for": "0s"}},
        }
        self.config.write_text(yaml.safe_dump(content))

    def log(self, *parts: pd.DataFrame) -> None:
        pd.concat(parts).to_csv(self.folder / "log.csv", index=False)

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """What a command prints for programs, or says where it prints nothing."""
        done = subprocess.run(
            [sys.executable, *arguments, "--config", str(self.config)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
            | {"SEATRIAL_HOME": str(self.folder / "home")},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode in codes, done.stderr
        return done.stdout or done.stderr

    def monitor(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        return self.run("-m", "seatrial", "monitor", *arguments, codes=codes)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    with launched() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
        yield Visit(context)
        context.close()


def test_a_report_names_the_region_that_got_worse_in_text_for_programs_and_on_the_page(
    files: Files, visit: Visit
) -> None:
    files.log(rows(1, 9_000, wrong="islands"))
    found: dict[str, Any] = json.loads(files.monitor("report", "--json", codes=(3,)))
    main = found["performance"]["measured"]["metrics"][0]
    assert main["drop"] < 0.025  # three rows in a hundred
    assert found["performance"]["measured"]["level"] == "clear"
    assert found["outcome"] == "alarm"
    assert "worse in 1 of 4 segments: region=islands" in found["reason"]
    worst, *others = found["performance"]["segments"]["measured"]
    assert (worst["value"], worst["level"]) == ("islands", "critical")
    assert {one["level"] for one in others} == {"clear"}

    page = files.folder / "report.html"
    said = files.monitor("report", "--html", str(page), codes=(3,))
    assert "region=islands  critical  measured accuracy" in said
    assert "Look at the rows with region=islands" in said
    visit.page.goto(page.as_uri())
    # What is wrong is seen at once, though no column moved and the whole does as well as ever.
    head = visit.page.get_by_text("Worse in 1 of 4 segments: region=islands.")
    assert head.bounding_box()["y"] < 300  # type: ignore[index]
    section = visit.page.get_by_role("region", name="Performance by segment")
    line = section.get_by_role("row").filter(has_text="islands")
    assert "critical" in line.inner_text()
    assert line.bounding_box()["y"] < 900 * 1.5  # type: ignore[index]
    assert visit.fits()
    visit.shoot("report-segments")
    visit.check()


def test_a_watched_log_tells_of_the_region_once_it_gets_worse(files: Files) -> None:
    good = rows(2, 3_000)
    files.log(good)
    assert "by segment of region too" in files.run(str(SCRIPT))
    files.monitor("run", "--once")
    status = files.monitor("status")
    assert "measured accuracy of 4 segments: none is worse for sure" in status
    files.log(good, *(rows(3 + i, 2_000, first=3_000 + 2_000 * i, wrong="west") for i in range(3)))
    files.monitor("run", "--once")
    status = files.monitor("status")
    assert "region=west  critical  measured accuracy" in status
    alerts = json.loads(files.monitor("alerts", "--json"))
    kinds = {a["labels"]["kind"]: a for a in alerts if a["phase"] == "firing"}
    assert kinds["segment_performance"]["finding"]["segments"] == ["region=west"]
    page = (files.folder / "monitoring" / "report.html").read_text()
    assert "Performance by segment" in page
