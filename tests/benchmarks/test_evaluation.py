"""The benchmark of comparing versions: its parts, its page, its made-up versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.evaluation import errors, speed
from benchmarks.evaluation.__main__ import PARTS, SUBJECT
from benchmarks.serving.page import marks

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks-evaluation.md"


def test_every_part_has_its_place_on_the_page() -> None:
    text = PAGE.read_text()
    for name in ("machine", *PARTS):
        begin, end = marks(name, SUBJECT)
        assert text.index(begin) < text.index(end)


def test_costs_stand_beside_the_loop_and_the_goal() -> None:
    costs = [
        speed.Cost("seatrial, 11 metrics, 2 classes", 12.0, 1_000, 20.0),
        speed.Cost("numpy loop with", 240.0, 20),
    ]
    text = speed.markdown(costs, 1_000)
    assert "| <= 10 CPU s | 12 CPU s | **missed** |" in text
    assert "| 12.00 | 20 | 20 | 1,000 of 1,000 |" in text
    assert "not measured" in speed.markdown(costs, 1_000, full=False)


def test_every_cost_can_be_measured() -> None:
    for cost in (
        speed.floor(500, 100),
        speed.ours(500, 100, 2),
        speed.ours_of_numbers(500, 100),
        speed.by_scipy(500, 100),
        speed.by_loop(500, 100),
    ):
        assert cost.seconds >= 0


def test_the_made_up_versions_are_as_good_as_is_said() -> None:
    true = errors.truths({"new": 1.8, "baseline": 1.5})
    assert true["auc"] == pytest.approx(0.8985 - 0.8556, abs=0.002)
    assert true["brier"] < 0


def test_their_probabilities_are_right() -> None:
    made = errors.rows(np.random.default_rng(0), 200_000, {"new": 1.5})
    p = made.by_version["new"][:, 1]
    for low, high in ((0.0, 0.1), (0.3, 0.5), (0.7, 1.0)):
        some = (p >= low) & (p < high)
        assert made.true[some].mean() == pytest.approx(p[some].mean(), abs=0.02)


def test_decisions_are_counted_in_percent() -> None:
    text = errors.decisions(2)
    assert text.count("|") > 50
    assert "cannot tell" in text
