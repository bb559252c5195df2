from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seatrial.monitoring.drift.detector_counts import N_APART, detector_counts
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.profiling import profile_of


def test_every_row_of_reference_and_window_is_in_one_bin(mixed: Callable[..., Table]) -> None:
    profile = profile_of(mixed(900, seed=0))
    found = detector_counts(profile, Summariser(profile).summarise(mixed(200, seed=1)))
    assert {counts.name for counts in found} >= {"number", "town", "letter/length"}
    assert {counts.name for counts in found if not counts.ordered} == {"town", "flag"}
    for counts in found:
        # Half of the vectors are what the axes are made from.
        assert counts.reference.sum() == (450 if counts.column == "embedding" else 900)
        assert counts.current.sum() == 200
        assert counts.reference.shape == counts.current.shape
    number = next(counts for counts in found if counts.name == "number")
    assert number.reference[-N_APART] == int(np.isnan(mixed(900, seed=0).columns["number"]).sum())


def test_a_column_that_is_not_there_has_no_rows(mixed: Callable[..., Table]) -> None:
    profile = profile_of(mixed(100, seed=0))
    found = detector_counts(profile, Summariser(profile).summarise(Table(columns={}, n=50)))
    assert all(counts.current.sum() == 0 for counts in found)
    assert all(len(counts.current) == len(counts.reference) for counts in found)
