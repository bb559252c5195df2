"""Vectors: what a profile holds of them, what is no vector, and damage that is seen."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.rows.table import Coded, Column, Table, rows_of
from seatrial.monitoring.summaries.column_counter import Misread, counter_of
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.embedding import moments_of, reference_of, sample_of
from seatrial.monitoring.summaries.profile import Embedding
from seatrial.monitoring.summaries.profile_record import (
    ProfileUnreadable,
    read_profile,
    write_profile,
)
from seatrial.monitoring.summaries.profiling import column_profile, profile_of
from seatrial.monitoring.summaries.summary import Embeddings, Summary
from seatrial.monitoring.summaries.summary_record import decode, encode
from seatrial.stats.vector_reference import looked_at

WIDTH = 5


def vectors(n: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(n, WIDTH)).astype(np.float32)


def table(column: Column) -> Table:
    return Table(columns={"v": column}, n=len(column))


PROFILE = profile_of(table(vectors(6_000)))
SUMMARISER = Summariser(PROFILE)


def counted(column: Column) -> Embeddings:
    found = SUMMARISER.summarise(table(column)).features.known["v"]
    assert isinstance(found, Embeddings)
    return found


def test_a_stored_profile_is_read_back_exactly() -> None:
    again = read_profile(json.loads(json.dumps(write_profile(PROFILE))))
    assert again == PROFILE
    one, other = PROFILE.features["v"], again.features["v"]
    assert isinstance(one, Embedding)
    assert isinstance(other, Embedding)
    assert moments_of(one) == moments_of(other)
    assert sample_of(one) == sample_of(other)
    assert len(sample_of(one).hashes) == 4_096
    np.testing.assert_array_equal(reference_of(one).axes, reference_of(other).axes)
    column = vectors(900, seed=3)
    assert Summariser(again).summarise(table(column)) == SUMMARISER.summarise(table(column))


def test_the_reference_counted_against_itself_is_what_its_profile_holds() -> None:
    profile, found = PROFILE.features["v"], counted(vectors(6_000))
    assert isinstance(profile, Embedding)
    assert (found.moments, found.sample) == (moments_of(profile), sample_of(profile))
    # Places are of the rows that had no part in the units and axes.
    others = np.delete(np.arange(6_000), looked_at(6_000))
    found = counted(vectors(6_000)[others])
    assert found.distance.counts.tolist() == list(profile.distance.counts)
    assert [p.counts.tolist() for p in found.places] == [list(p.counts) for p in profile.places]


def test_rows_to_come_lie_along_the_axes_as_those_of_the_reference() -> None:
    """Axes fitted to the rows that are counted along them would make these look wider."""
    rng = np.random.default_rng(0)
    known = profile_of(table(rng.normal(size=(1_000, 200)))).features["v"]
    found, _ = counter_of(known).count(rng.normal(size=(4_000, 200)))
    assert isinstance(known, Embedding)
    assert isinstance(found, Embeddings)
    for was, now in zip(known.places, found.places, strict=True):
        share = np.array(was.counts[1:-1]).sum() / sum(was.counts)
        assert now.counts[1:-1].sum() / now.n == pytest.approx(share, abs=0.02)
        spread = was.std or 0.0
        assert spread == pytest.approx(1, abs=0.15)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 100), st.lists(st.integers(0, 7_000), max_size=3), st.randoms())
def test_any_partition_of_thousands_of_rows_gives_the_identical_summary(
    seed: int, cuts: list[int], random: Any
) -> None:
    rows = vectors(7_000, seed)
    rows[::3] = rows[0]
    rows[::50, 1] = np.nan
    rows[::70] = np.nan
    whole = table(rows)
    order = np.random.default_rng(seed).permutation(whole.n)
    parts = [rows_of(whole, part) for part in np.split(order, sorted(cuts))]
    random.shuffle(parts)
    found = sum((SUMMARISER.summarise(part) for part in parts), Summary())
    assert found == SUMMARISER.summarise(whole)
    assert encode(found) == encode(SUMMARISER.summarise(whole))
    assert decode(encode(found)) == found


def test_what_is_missing_and_what_is_not_finite_are_counted_apart() -> None:
    rows = vectors(10).astype(np.float64)
    rows[0], rows[1, 2], rows[2, 0], rows[3, 4] = np.nan, np.nan, np.inf, 1e200
    found = counted(rows)
    assert (found.n, found.n_missing, found.n_invalid, found.distance.n_present) == (10, 1, 3, 6)
    assert int(found.moments.n.sum()) == 6


@pytest.mark.parametrize(
    ("column", "misread", "n_missing"),
    [
        (np.ones((4, 7)), Misread("vectors of 7", 4), 0),
        (np.array([[np.nan] * 3, [1, 2, 3]]), Misread("vectors of 3", 1), 1),
        (np.arange(3), Misread("numbers", 3), 0),
        (np.full(3, np.nan), None, 3),
        (Coded(np.array([0, -1], np.int32), ("[1, 2]",)), Misread("names", 1), 1),
        (np.ones((0, WIDTH)), None, 0),
        (np.ones((3, WIDTH), np.int64), None, 0),
    ],
    ids=lambda c: str(getattr(c, "shape", "")) or None,
)
def test_what_is_no_vector_of_that_width_is_named(
    column: Column, misread: Misread | None, n_missing: int
) -> None:
    found, other = counter_of(PROFILE.features["v"]).count(column)
    assert other == misread
    assert isinstance(found, Embeddings)
    assert found.n_missing == n_missing
    assert found.n + (misread.n if misread else 0) == len(column)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_reference_of_few_or_no_vectors_has_a_profile(n: int) -> None:
    rows = np.full((n + 1, WIDTH), np.nan)
    rows[:n] = vectors(n)
    profile = profile_of(table(rows))
    assert read_profile(write_profile(profile)) == profile
    found = Summariser(profile).summarise(table(vectors(20))).features.known["v"]
    assert found.n == 20
    assert isinstance(column_profile(np.zeros((0, WIDTH))), Embedding)


def test_parts_of_the_rows_leave_vectors_out() -> None:
    towns = Coded(np.arange(200, dtype=np.int32) % 2, ("a", "b"))
    both = Table(columns={"v": vectors(200), "town": towns}, n=200)
    found = Summariser(profile_of(both), segments=["town"]).summarise(both)
    assert "v" in found.features.known
    assert list(found.segments["town"]["a"].features.known) == ["town"]


def test_vectors_of_an_older_profile_are_left_out() -> None:
    record: dict[str, Any] = json.loads(json.dumps(write_profile(PROFILE)))
    record["features"]["x"] = {"kind": "numeric", "n": 0}
    record["features"]["v"] = {"kind": "vectors", "n": 3, "axes": []}
    assert list(read_profile(record | {"schema": 2}).features) == ["x"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("unit", base64.b64encode(np.zeros(WIDTH, "<f4").tobytes()).decode()),
        ("middle", ""),
        ("sums", ""),
        ("rows", "AAA="),
        ("hashes", "AAAA"),
        ("axes", "AAAAAA=="),
        ("along", "AAAAAA=="),
        ("variances", "AAAAAAAAAAA="),
        ("width", 0),
        ("width", 7),
        ("times", 3),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(field: str, value: object) -> None:
    record: dict[str, Any] = json.loads(json.dumps(write_profile(PROFILE)))
    record["features"]["v"][field] = value
    with pytest.raises(ProfileUnreadable):
        read_profile(record)
