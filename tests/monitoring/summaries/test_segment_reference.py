"""The reference by segment: kept in the profile's record, and read again as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seatrial.monitoring.rows.table import Coded, Table, rows_of
from seatrial.monitoring.summaries.counting import Summariser, coarse
from seatrial.monitoring.summaries.profile import Categorical, Numeric
from seatrial.monitoring.summaries.profile_record import read_profile, write_profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segment_reference import (
    segment_columns,
    segment_profile,
    segment_reference,
    with_segments,
)
from seatrial.monitoring.summaries.segments import MISSING, NoSuchSegment


def sample(n: int = 2_000) -> Table:
    rng = np.random.default_rng(0)
    towns = rng.integers(-1, 3, n).astype(np.int32)
    return Table(
        columns={"x": rng.normal(towns, 1.0, n), "town": Coded(towns, ("a", "b", "c"))}, n=n
    )


def test_the_sample_by_segment_survives_the_record() -> None:
    table = sample()
    bare = profile_of(table)
    known = with_segments(bare, table, None, ["town", "x"])
    again = read_profile(json.loads(json.dumps(write_profile(known))))
    assert again == known
    assert segment_columns(again) == ("town", "x")
    kept = segment_reference(again)
    assert kept is not None
    assert kept.segments == Summariser(bare, segments=["town", "x"]).summarise(table).segments
    assert set(kept.segments["town"]) == {"a", "b", "c", MISSING}


def test_a_profile_without_segments_is_written_as_before() -> None:
    table = sample(50)
    known = with_segments(profile_of(table), table, None, [])
    assert "segments" not in write_profile(known)
    assert (segment_reference(known), segment_columns(known)) == (None, ())


def test_a_column_that_is_not_there_is_refused() -> None:
    table = sample(50)
    with pytest.raises(NoSuchSegment, match="'region'"):
        with_segments(profile_of(table), table, None, ["region"])


def test_the_profile_of_a_segment_counts_its_rows_only() -> None:
    table = sample()
    known = with_segments(profile_of(table), table, None, ["town"])
    kept = segment_reference(known)
    assert kept is not None
    town = table.columns["town"]
    assert isinstance(town, Coded)
    mine = rows_of(table, np.flatnonzero(town.codes == 1))
    found = segment_profile(coarse(known), kept.segments["town"]["b"])
    numbers, names = found.features["x"], found.features["town"]
    assert isinstance(numbers, Numeric)
    assert isinstance(names, Categorical)
    assert (found.n, numbers.n, sum(numbers.counts)) == (mine.n, mine.n, mine.n)
    assert numbers.lowest == float(np.asarray(table.columns["x"]).min())
    assert {name: n for name, n in names.counts.items() if n} == {"b": mine.n}
