"""The pages of experiments in a real browser: written down, started, watched, stopped."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chromium import LOOKS, Visit, visited
from playwright.sync_api import Browser, expect

from seatrial.experiments.assignment import trial_of
from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.store import Slice
from seatrial.serving.enrolment import EXPOSURES, encode
from seatrial.serving.record import trial_stream
from seatrial.wiring.experiments import experiment_desk

pytestmark = [pytest.mark.integration, pytest.mark.slow]

WAIT_MS = 30_000
DESIGN: dict[str, Any] = {
    "experiment": "one-page-checkout",
    "hypothesis": "A checkout on one page loses fewer buyers than one on three.",
    "endpoint": "iris",
    "versions": {"three-pages": 1, "one-page": 2, "no-page": 2},
    "variants": {"three-pages": 2, "one-page": 1, "no-page": 1},
    "primary": {"name": "bought", "kind": "share", "effect": 0.02, "baseline": {"mean": 0.1}},
    "guardrails": [{"name": "page_seconds", "direction": "down", "margin": "20%"}],
    "secondary": [{"name": "revenue", "covariate": "revenue_before"}],
    "columns": {"segments": ["device"]},
    "horizon": {"units": 60_000, "days": 14},
}
DAYS = 6
N = 4_000


def seed(home: Any) -> None:
    """Users of the last days, in the store as workers and callers would have put them there."""
    rng = random.Random(3)
    file = ExperimentFile.model_validate(DESIGN)
    trial, now = trial_of(file.design(), file.versions), datetime.now(UTC)
    met, rows = [], []
    for i in range(N):
        user = f"user-{i}"
        place = trial.place(user.encode())
        assert place is not None
        at = now - timedelta(days=DAYS) + timedelta(days=DAYS) * (i / N)
        met.append((user, place, round(at.timestamp() * 1e6)))
        before = rng.expovariate(0.1)
        rows += [
            {"user": user, "metric": "revenue_before", "value": before},
            {"user": user, "metric": "device", "value": rng.choice(["phone", "desktop"])},
            {"user": user, "metric": "page_seconds", "value": rng.gauss(1.2, 0.4), "id": "s"},
        ]
        if rng.random() < (0.10, 0.125, 0.11)[place]:
            rows.append({"user": user, "metric": "bought", "value": 1, "id": "o"})
            rows.append({"user": user, "metric": "revenue", "value": 30 + before, "id": "o"})
    home.store.add_slices(
        [
            Slice(
                endpoint=trial_stream(trial.experiment),
                version=1,
                revision=0,
                worker="test",
                start=now,
                width_s=0.0,
                summary=encode(met),
                kind=EXPOSURES,
            )
        ]
    )
    experiment_desk(home.store).add(trial.experiment, rows)


def test_an_experiment_is_started_read_in_every_look_and_stopped(
    home: Any, bundles: Any, lab: Any, browser: Browser
) -> None:
    home.in_production(bundles.onnx(1.0))
    up = home.up("--workers", "1")
    second = bundles.onnx(10.0)
    home.desk.start(
        "iris",
        version=home.publish(second),
        digest=second.digest,
        target="staging",
        plan=home.release_config.plan(),
        by="test",
        notes={},
    )
    home.reach("staged")
    experiment_desk(home.store).draft(DESIGN, by="ann <b>")
    root = f"http://127.0.0.1:{up.port}"

    with visited(browser, LOOKS["light-en"]) as visit:
        page = visit.page
        page.goto(f"{root}/experiments")
        expect(page.locator(".card")).to_contain_text("one-page-checkout")
        page.locator(".card").click()
        page.locator("#start").click()
        expect(page.locator("#stop")).to_be_visible(timeout=WAIT_MS)
        seed(home)
        judgement = page.locator(".judgement")
        expect(judgement).to_contain_text("bought", timeout=WAIT_MS)
        expect(judgement.locator("svg")).not_to_have_count(0)
        page.goto(f"{root}/endpoints/iris")
        expect(page.locator("main")).to_contain_text("one-page-checkout")
        visit.check()

    for look, how in LOOKS.items():
        with visited(browser, how) as visit:
            _read(visit, root, look)

    with visited(browser, LOOKS["dark-zh"]) as visit:
        visit.page.goto(f"{root}/experiments/one-page-checkout")
        visit.page.locator("#stop").click()
        expect(visit.page.locator("#stop")).to_have_count(0, timeout=WAIT_MS)
        expect(visit.page.locator(".facts .badge")).to_have_text("已停止")
        expect(visit.page.locator(".judgement")).to_contain_text("bought")
        visit.check()
    lab.until("nobody is split", lambda: home.desk.state("iris").trials == {})


def _read(visit: Visit, root: str, look: str) -> None:
    page = visit.page
    page.goto(f"{root}/experiments")
    expect(page.locator(".card")).to_be_visible()
    visit.shoot(f"experiments-{look}")
    assert visit.fits()
    page.goto(f"{root}/experiments/one-page-checkout")
    expect(page.locator(".judgement .forest").first).to_be_visible()
    expect(page.locator(".judgement .band").first).to_be_attached()
    expect(page.locator("progress")).to_have_count(2)
    visit.shoot(f"experiment-{look}")
    assert visit.fits()
    visit.check()
