from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.release.measurement import UNKNOWN, BadSummary, Quality, Summary, quality
from seatrial.stats.sketches import BadSketch, LatencySketch

kinds = st.sampled_from(["timeout", "crashed", "bad_output"])
SAVED_BY_SCHEMA_1 = bytes.fromhex(
    "920194c41293019400cd015acd0114cd01a0940102010182aa6261645f6f757470757402a774696d656f7574010304"
)
SAVED = Summary.of(
    [0.0, 0.001, 0.001, 0.25, 5_000.0],
    errors={"timeout": 1, "bad_output": 2},
    n_rejected=3,
    n_shed=4,
)


@st.composite
def summaries(draw: st.DrawFn) -> Summary:
    errors = draw(st.dictionaries(kinds, st.integers(0, 5)))
    latencies = draw(st.lists(st.floats(0, 100), min_size=sum(errors.values()), max_size=40))
    counts = st.integers(0, 1_000)
    return Summary.of(latencies, errors=errors, n_rejected=draw(counts), n_shed=draw(counts))


@given(summaries(), summaries(), summaries())
def test_summaries_add_up_in_any_order(a: Summary, b: Summary, c: Summary) -> None:
    assert (a + b) + c == a + (b + c) == c.merge(b).merge(a)
    assert a + Summary.empty() == a
    assert (a + b).n_errors == a.n_errors + b.n_errors
    assert (a + b).n == a.n + b.n


@given(summaries())
def test_a_summary_survives_its_encoding(summary: Summary) -> None:
    assert Summary.decode(summary.encode()) == summary


def test_a_summary_saved_by_schema_1_is_read() -> None:
    assert Summary.decode(SAVED_BY_SCHEMA_1) == SAVED


def test_errors_are_answers_and_what_was_rejected_or_shed_is_not() -> None:
    assert (SAVED.n, SAVED.n_errors, SAVED.error_counts.rate) == (5, 3, 0.6)
    assert Summary.of([], n_rejected=7, n_shed=9).n == 0


def test_a_kind_of_error_that_did_not_happen_is_not_kept() -> None:
    assert Summary.of([0.1], errors={"timeout": 0, "crashed": 1}).errors == {"crashed": 1}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"errors": {"timeout": 2}}, "2 errors in 1 answers"),
        ({"errors": {"timeout": -1}}, "below 0"),
        ({"n_rejected": -1}, "below 0"),
        ({"n_shed": -1}, "below 0"),
    ],
)
def test_a_summary_that_contradicts_itself_is_refused(wrong: dict, why: str) -> None:
    with pytest.raises(BadSummary, match=why):
        Summary(latency=LatencySketch.of([0.1]), **wrong)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "truncated"),
        (SAVED_BY_SCHEMA_1[:-1], "truncated"),
        (b"\x00", "Expected `array`"),
        (b"\x92\x03\x90", "schema 3 is unknown"),
        (b"\x92\x01\x90", "length 4"),
    ],
)
def test_bytes_that_are_no_summary_are_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(BadSummary, match=why) as caught:
        Summary.decode(data)
    assert "drop the slice" in caught.value.remedy


@given(st.binary(max_size=60))
def test_hostile_bytes_raise_nothing_else(data: bytes) -> None:
    with suppress(BadSummary, BadSketch):
        assert Summary.decode(data).n >= 0


def test_a_slice_of_thousands_of_answers_takes_a_few_hundred_bytes() -> None:
    latencies = np.random.default_rng(1).lognormal(-4, 0.5, 20_000)
    assert len(Summary.of(latencies).encode()) < 700


QUALITIES = st.builds(
    quality,
    fits=st.none() | st.booleans(),
    cost_usd=st.none() | st.decimals(0, 1000, places=7),
    score=st.none() | st.floats(0, 1),
)


@given(st.lists(QUALITIES, max_size=8), st.lists(QUALITIES, max_size=8))
def test_what_is_known_of_answers_adds_up_and_comes_back(
    one: list[Quality], other: list[Quality]
) -> None:
    whole = Summary(quality=sum([*one, *other], UNKNOWN))
    parts = Summary(quality=sum(other, UNKNOWN)) + Summary(quality=sum(one, UNKNOWN))
    assert parts == whole
    assert Summary.decode(whole.encode()) == whole


def test_a_summary_without_any_is_one_of_schema_1() -> None:
    assert Summary.of([0.1]).encode()[:2] == b"\x92\x01"
    known = Summary(quality=quality(fits=True)).encode()
    assert known[:2] == b"\x92\x02"


def test_costs_of_any_size_are_kept_exactly() -> None:
    dear = quality(cost_usd=Decimal(9_000_000))
    whole = Summary(quality=dear + dear)
    assert Summary.decode(whole.encode()).quality.costs == whole.quality.costs


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: quality(score=1.5),
        lambda: quality(score=float("nan")),
        lambda: Quality(n_checked=1, n_unfit=2),
        lambda: Quality(n_scored=1, lost_millionths=2_000_000),
    ],
)
def test_a_quality_that_contradicts_itself_is_refused(wrong: Callable[[], Quality]) -> None:
    with pytest.raises(BadSummary):
        wrong()
