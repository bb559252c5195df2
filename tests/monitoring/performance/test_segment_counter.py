"""Counting by segment: any partition of the rows adds up, labels count where their rows do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served_models import REFERENCE, drawn

from seatrial.monitoring.performance.rows import row_places, served_rows
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.segment_counter import SegmentCounter
from seatrial.monitoring.rows.served import TRUTH
from seatrial.monitoring.rows.table import Coded, Table, rows_of
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import MISSING, NEW, Splits

TOWNS = ("Oslo", "Lima", "Wuhan")
AGES = np.arange(600) / 10.0


def splits() -> Splits:
    town = Coded(np.arange(600, dtype=np.int32) % 3, TOWNS)
    return Splits(profile_of(Table(columns={"town": town, "age": AGES}, n=600)), ["town", "age"])


def table(n: int, seed: int) -> Table:
    """Answers of people of known, new and no towns; of two thirds it is known what came true."""
    rng = np.random.default_rng(seed)
    rows = drawn(seed, n)
    truth = (rows.labels == "yes").astype(np.int32)
    truth[rng.random(n) < 1 / 3] = -1
    age = rng.uniform(0, 60, n)
    age[rng.random(n) < 0.1] = np.nan
    columns = {
        **rows.rows.columns,
        TRUTH: Coded(truth, ("no", "yes")),
        "town": Coded(rng.integers(-1, 4, n).astype(np.int32), (*TOWNS, "Bonn")),
        "age": age,
    }
    return Table(columns=columns, n=n, at=rows.rows.at)


COUNTER = SegmentCounter(splits(), REFERENCE.reference)


def scored(rows: Table) -> tuple[Scored, np.ndarray]:
    found = served_rows(rows, REFERENCE.reference, step=np.zeros(rows.n, np.int64))
    return found, COUNTER.codes(rows, row_places(found))


def counted(rows: Table) -> np.ndarray:
    return COUNTER.both(*scored(rows)).sums


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 2**16), st.lists(st.integers(0, 60), max_size=5))
def test_any_partition_of_the_rows_gives_the_same_sums(n: int, seed: int, cuts: list[int]) -> None:
    whole = table(n, seed)
    order = np.random.default_rng(seed).permutation(n)
    parts = [rows_of(whole, part) for part in np.split(order, sorted(cuts))]
    found = sum((counted(part) for part in parts), COUNTER.none().sums)
    expected = counted(whole)
    # Rows, labels and right answers are whole numbers, so their sums are the very same.
    exact = [0, 1, 4, 5, 6]
    assert np.array_equal(found[:, exact], expected[:, exact])
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_each_row_is_in_one_segment_of_each_column_and_in_the_whole() -> None:
    sums = COUNTER.both(*scored(table(1_000, 1)))
    pairs = splits().pairs
    for name in ("town", "age"):
        mine = [place for place, (column, _) in enumerate(pairs) if column == name]
        assert sum(sums.n(place) for place in mine) == 1_000
    assert sums.n(COUNTER.n_segments - 1) == 1_000
    assert all(sums.n(pairs.index(("town", one))) for one in (*TOWNS, NEW, MISSING))


def test_labels_count_in_the_segment_of_their_row() -> None:
    rows = table(1_000, 2)
    found, codes = scored(rows)
    sums = COUNTER.both(found, codes)
    town = rows.columns["town"]
    assert isinstance(town, Coded)
    place = splits().pairs.index(("town", "Lima"))
    lima = found.some(np.flatnonzero((town.codes == 1) & np.isfinite(found.label)))
    outcome = sums.outcome(place)
    assert outcome.n == len(lima) > 0
    assert outcome.mean == pytest.approx((lima.predicted == lima.label).mean())
    assert sums.outcome(COUNTER.n_segments - 1).n == np.isfinite(found.label).sum()


def test_a_corrected_label_takes_out_what_it_put_in() -> None:
    found, codes = scored(table(500, 3))
    known = np.flatnonzero(np.isfinite(found.label))
    labelled = COUNTER.labelled(found.some(known), codes[known])
    assert not (labelled - labelled).sums.any()
    assert np.array_equal(
        (COUNTER.predicted(found, codes) + labelled).sums, COUNTER.both(found, codes).sums
    )
