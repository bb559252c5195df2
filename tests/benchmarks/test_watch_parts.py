"""The parts of the watch's benchmarks on many names, few labels and importance, in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.monitor import few_labels, importance, many_names
from seatrial.monitoring.summaries.profiling import profile_of

DATA = Path(__file__).parents[1] / "data"


def test_the_rarest_name_is_one_that_is_counted() -> None:
    column = many_names.Column(100, "falling", 0)
    table = column.rows(5_000)
    met = np.bincount(table.columns["x"].codes, minlength=100)  # type: ignore[union-attr]
    assert met[many_names.rarest(profile_of(table, repeats=False))] == met[met > 0].min()
    grown = column.rows(5_000, grown=99)
    assert 60 < np.bincount(grown.columns["x"].codes, minlength=100)[99] < 140  # type: ignore[union-attr]


def test_names_that_do_not_change_are_quiet_and_a_rare_one_that_grows_is_found() -> None:
    one = many_names.case(100, "falling", 20_000, 2_000, n_runs=2, n_windows=5)
    assert (one.alarms, one.found, one.n_windows) == (0, 2, 10)
    table = many_names.markdown([one])
    assert (
        "| alarm over windows, nothing drifts | at most 1 in 10,000 windows | 0 in 10 | met |"
        in table
    )


def test_an_interval_holds_as_planned_while_scores_are_right() -> None:
    right, wrong = (few_labels.planned(0.02, 0.95, drop, 400) for drop in (0.0, 0.05))
    assert right.n_labels == wrong.n_labels
    assert 0.85 < right.covered < 0.96
    assert wrong.covered < right.covered


@pytest.mark.slow
def test_harder_rows_are_seen_within_their_window() -> None:
    seen = few_labels.abrupt(0, "rows get harder", 0.15, 2)
    assert seen.within == 2
    assert seen.rows < few_labels.WINDOW
    offer = few_labels.offered(50, 0.3, 1)
    assert offer.did == 1.0
    table = few_labels.markdown([few_labels.planned(0.05, 0.85, 0.0, 50)], [offer], [seen])
    assert "| rows get harder, -15 points, no label: seen within the window |" in table


@pytest.mark.slow
def test_importances_of_a_log_are_those_of_the_model() -> None:
    found = importance.agreements("noaa_weather", DATA)
    assert [one.model for one in found] == list(importance.models())
    assert all(one.ranks > 0.7 and one.explained > 0.5 for one in found)
    assert "| noaa_weather | forest | 8 |" in importance.markdown(found)
