"""The pages of experiments as a browser gets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
from parsed_page import ParsedPage

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.judge import judge
from seatrial.experiments.ledger import Counts
from seatrial.experiments.live_report import Report, kept
from seatrial.experiments.tally import Units, tally
from seatrial.release.rollout import Plan, Step
from seatrial.serving.record import trial_stream

HOSTILE = "<img src=x onerror=alert(1)>"
ZH = {"accept-language": "zh"}
NAME = "checkout"
PAGE = f"/experiments/{NAME}"
BUTTON = f"/console/experiments/{NAME}"

Browse = Callable[..., httpx.AsyncClient]


def design() -> dict[str, Any]:
    return {
        "experiment": NAME,
        "hypothesis": HOSTILE,
        "endpoint": "churn",
        "versions": {"control": 1, HOSTILE: 2},
        "variants": {"control": 1, HOSTILE: 1},
        "primary": {"name": f"bought {HOSTILE}", "kind": "share", "effect": "10%"},
        "horizon": {"units": 4000},
        "gates": {"error_rate": 0.01},
    }


@pytest.fixture
def drafted(world: Any) -> Any:
    """An endpoint with a tested second version, and an experiment that compares the two."""
    world.promoted()
    world.desk.start(
        "churn",
        version=2,
        digest=f"{2:064x}",
        target="staging",
        plan=Plan(steps=(Step(share=1.0, watch_s=0.0),)),
        by="test",
        notes={},
    )
    world.tick("churn")
    world.experiments.draft(design(), by="ann <i>")
    return world


def report(world: Any, n: int = 2000, lift: float = 0.1) -> dict[str, Any]:
    """What a conductor would say of so many users."""
    experiment = ExperimentFile.model_validate(design()).design()
    rng = np.random.default_rng(1)
    variant = rng.integers(0, 2, n)
    values = {experiment.primary.name: (rng.random(n) < 0.2 + lift * variant).astype(np.float64)}
    at = np.datetime64("2026-03-01") + np.arange(n).astype("timedelta64[m]")
    units = Units(variant=variant, values=values, at=at)
    numbers = {"n": 10, "n_errors": 0, "error_rate": 0.0, "p50_ms": 1.0, "p95_ms": 2.5}
    said = kept(
        Report(
            at=datetime.now(UTC),
            judgement=judge(experiment, tally(experiment, units, slice_s=3600)),
            requests=(numbers, numbers | {"cost_usd": 0.001, "score": 0.8}),
            gates={HOSTILE: {"outcome": "pass", "reason": "fine", "verdicts": []}},
            failed="",
            counts=Counts(n_units=n, n_outcomes=n, n_repeated=7),
        )
    )
    world.store.beat(trial_stream(NAME), {"report": said})
    return said


async def test_the_page_of_all_says_how_to_begin(browse: Browse) -> None:
    async with browse() as client:
        answer = await client.get("/experiments")
    assert "experiment start --design" in answer.text


async def test_a_draft_is_started_and_stopped_by_its_buttons(drafted: Any, browse: Browse) -> None:
    async with browse() as client:
        page = ParsedPage((await client.get(PAGE)).text)
        assert 'id="start"' in (await client.get(PAGE)).text
        assert page is not None
        started = await client.post(f"{BUTTON}/start")
        assert 'id="stop"' in started.text
        assert [t.experiment for t in drafted.desk.state("churn").split.trials] == [NAME]
        assert "splits its requests" in (await client.get("/console/endpoints/churn")).text
        stopped = await client.post(f"{BUTTON}/stop")
    assert 'id="stop"' not in stopped.text
    assert drafted.desk.state("churn").split.trials == ()


async def test_the_figures_are_shown_in_both_languages_and_no_name_is_markup(
    drafted: Any, browse: Browse
) -> None:
    drafted.experiments.start(NAME, by="test")
    report(drafted)
    async with browse() as client:
        english = (await client.get(PAGE)).text
        chinese = (await client.get(PAGE, headers=ZH)).text
        listed = (await client.get("/experiments")).text
    for text in (english, chinese, listed):
        assert "<img src=x" not in text
    assert "Ship" in english
    assert "上线" in chinese
    assert 'class="forest"' in english
    assert "2.5 ms" in english
    assert "again 7" in english


async def test_a_report_of_a_later_seatrial_is_told_and_nothing_else_breaks(
    drafted: Any, browse: Browse
) -> None:
    drafted.experiments.start(NAME, by="test")
    said = report(drafted)
    drafted.store.beat(trial_stream(NAME), {"report": said | {"judgement": 7}, "problem": "odd"})
    async with browse() as client:
        answer = await client.get(PAGE)
        assert answer.status_code == 200
        assert "experiment.report_unreadable" not in answer.text
        assert "cannot be read" in answer.text
        assert (await client.get("/experiments")).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_may_not_use_the_console_sees_and_changes_nothing(
    drafted: Any, browse: Browse, method: str
) -> None:
    async with browse(token="secret") as client:
        path = PAGE if method == "GET" else f"{BUTTON}/start"
        answer = await client.request(method, path)
    assert answer.status_code == 403
    assert NAME not in answer.text
    assert drafted.desk.state("churn").split.trials == ()


async def test_an_experiment_that_does_not_exist_is_not_found(browse: Browse) -> None:
    async with browse() as client:
        assert (await client.get("/experiments/other")).status_code == 404


def test_the_counts_are_all_shown(drafted: Any) -> None:
    drafted.experiments.start(NAME, by="test")
    report(drafted)
    record, _ = drafted.experiments.looked(NAME)
    assert record["counts"] == asdict(Counts(n_units=2000, n_outcomes=2000, n_repeated=7))
