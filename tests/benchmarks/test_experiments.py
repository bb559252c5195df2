"""A/B tests of known truth, few of them: errors as rare as promised, within what chance does."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest

from benchmarks.experiments.__main__ import REPORTS, SUBJECT, heading
from benchmarks.experiments.errors import ALPHA, explained, family, peeking, planned, split
from benchmarks.experiments.streams import streams
from benchmarks.experiments.whole_rule import MARGIN, decided
from benchmarks.serving.page import marks

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-experiments.md"
STREAMS = streams()


def above(share: float, n_trials: int) -> float:
    """What a share is above by chance in one of 700 runs."""
    return share + 3 * sqrt(share * (1 - share) / n_trials)


@pytest.mark.parametrize(
    ("name", "effect"),
    [("share 10 %", 0.02), ("mean, normal", 0.2), ("mean, revenue", 1.0), ("ratio", 0.01)],
)
def test_looking_often_errs_as_rarely_as_promised(name: str, effect: float) -> None:
    n = 200
    found = peeking(STREAMS[name], n_trials=n, n_looks=50, n_users=20, effect=effect)
    assert found.always <= above(ALPHA, n)
    assert found.rule <= above(ALPHA, n)
    assert found.covered >= 1 - above(ALPHA, n)
    assert found.naive > above(ALPHA, n)


def test_looking_often_with_a_covariate_errs_as_rarely() -> None:
    n = 200
    name = "the same, known of 70 %"
    found = peeking(STREAMS[name], n_trials=n, n_looks=50, n_users=20, effect=0.2)
    assert max(found.always, found.rule) <= above(ALPHA, n)
    assert found.covered >= 1 - above(ALPHA, n)


@pytest.mark.parametrize(
    ("name", "effect", "ratio"),
    [("share 10 %", 0.03, 1.0), ("share 10 %", 0.03, 0.25), ("mean, normal", 0.5, 1.0)],
)
def test_a_plan_finds_its_effect_with_its_power(name: str, effect: float, ratio: float) -> None:
    n = 2_000
    found = planned(STREAMS[name], n_trials=n, effect=effect, ratio=ratio)
    # Plans are approximate: a point beside what chance does.
    assert abs(found.power - found.planned) <= 0.01 + 3 * sqrt(0.8 * 0.2 / n)
    assert abs(found.covered - (1 - ALPHA)) <= 0.005 + 3 * sqrt(ALPHA * (1 - ALPHA) / n)


def test_a_covariate_saves_what_it_explains() -> None:
    stream, n = STREAMS["mean with covariate"], 1_000
    share = explained(stream)
    assert share == pytest.approx(0.49, abs=0.01)
    found = planned(stream, n_trials=n, effect=0.5, explained=share)
    assert found.narrower == pytest.approx(1 - share, rel=0.2)
    assert abs(found.power - found.planned) <= 0.01 + 3 * sqrt(0.8 * 0.2 / n)


def test_a_right_split_is_rarely_called_wrong_and_a_wrong_one_soon() -> None:
    right = split(share=0.5, alpha=0.05, n_trials=1_000, n_looks=100, n_units=500)
    assert right.always <= above(0.05, 1_000)
    assert right.naive > 0.15
    wrong = split(share=0.52, alpha=0.001, n_trials=200, n_looks=100, n_units=500)
    assert wrong.always == 1.0
    assert wrong.median_units is not None
    assert wrong.median_units < 20_000


def test_of_several_variants_that_do_nothing_one_is_called_different_rarely() -> None:
    found = family(n_trials=3_000, n_users=2_000)
    assert found.corrected <= above(ALPHA, 3_000)
    assert found.uncorrected > 0.1
    assert found.covered >= 1 - above(ALPHA, 3_000)


def test_what_breaks_a_guardrail_is_not_shipped() -> None:
    found = decided(lift=0.02, harm=3 * MARGIN, n_trials=12, per_day=400)
    assert (found.shipped, found.harmed > 0.5) == (0, True)


def test_every_part_has_its_place_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("heading", *REPORTS):
        begin, end = marks(name, SUBJECT)
        assert text.index(begin) < text.index(end)
    assert "--quick" in heading(quick=True)
