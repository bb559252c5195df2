"""Optuna against the suite; run by `test_trackers` where it is installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.adapters.training.search_optuna import open_searcher
from seatrial.testing.searcher_suite import PLAN, OpenSearcher, SearcherSuite
from seatrial.training.search.searcher import End, Plan, Pruner, Searcher
from seatrial.training.search.space import Real


class TestOptuna(SearcherSuite):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> OpenSearcher:
        def made(plan: Plan) -> Searcher:
            (tmp_path / plan.name).mkdir(exist_ok=True)
            return open_searcher(plan, tmp_path / plan.name)

        return made


@pytest.mark.parametrize("pruner", [Pruner.MEDIAN, Pruner.HYPERBAND])
def test_a_trial_that_leads_nowhere_is_ended_early(tmp_path: Path, pruner: Pruner) -> None:
    searcher = open_searcher(replace(PLAN, pruner=pruner), tmp_path)
    n_pruned = 0
    for i in range(16):
        trial = searcher.ask()
        bad = i % 2 == 1
        pruned = False
        for step in range(1, 10):
            value = (100.0 if bad else 1.0) / step
            if searcher.report(trial.number, step, value):
                pruned = True
                break
        n_pruned += pruned and bad
        searcher.tell(trial.number, End.PRUNED if pruned else End.DONE, value)
    assert n_pruned >= 4


def test_it_finds_better_values_than_drawing_at_random(tmp_path: Path) -> None:
    space = {name: Real(low=-5.0, high=5.0) for name in ("x", "y")}
    searcher = open_searcher(replace(PLAN, space=space), tmp_path)
    values = []
    for _ in range(40):
        trial = searcher.ask()
        x, y = float(trial.parameters["x"] or 0), float(trial.parameters["y"] or 0)
        values.append((x - 1) ** 2 + (y + 2) ** 2)
        searcher.tell(trial.number, End.DONE, values[-1])
    assert sum(values[20:]) < 0.7 * sum(values[:20])
    assert searcher.tally().value == min(values)
