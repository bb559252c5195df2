import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seatrial.stats.counts import BadStatistic
from seatrial.stats.sketches import HIGHEST_S, LOWEST_S, BadSketch, LatencySketch

in_range = hnp.arrays(
    np.float64, st.integers(0, 60), elements=st.floats(LOWEST_S, HIGHEST_S, allow_subnormal=False)
)
anything = hnp.arrays(np.float64, st.integers(0, 60), elements=st.floats(0, 1e12))
SAMPLE = LatencySketch.of([0.0, 0.001, 0.001, 0.25, 5_000.0])
SAMPLE_V1 = bytes.fromhex("93019400cd015acd0114cd01a09401020101")


@given(in_range, st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_order_statistic(
    values: np.ndarray, q: float
) -> None:
    found = LatencySketch.of(values).quantile(q)
    if not len(values):
        assert found is None
    else:
        oracle = float(np.sort(values)[max(1, math.ceil(q * len(values))) - 1])
        assert found == pytest.approx(oracle, rel=0.01 + 1e-9)


def test_quantiles_of_many_latencies_agree_with_numpy() -> None:
    values = np.random.default_rng(3).lognormal(-4, 1, 100_000)
    sketch = LatencySketch.of(values)
    for q in (0.01, 0.5, 0.95, 0.99, 0.999):
        oracle = np.quantile(values, q, method="inverted_cdf")
        assert sketch.quantile(q) == pytest.approx(oracle, rel=0.0101)


@given(anything, st.randoms(use_true_random=False))
def test_any_partition_and_order_gives_the_same_sketch(values: np.ndarray, random) -> None:
    cuts = sorted(random.randint(0, len(values)) for _ in range(3))
    parts = [LatencySketch.of(part) for part in np.split(values, cuts)]
    random.shuffle(parts)
    assert sum(parts, LatencySketch.empty()) == LatencySketch.of(values)
    assert parts[0].merge(parts[1]) == parts[0] + parts[1] == parts[1] + parts[0]


@given(anything, st.floats(0, 2_000))
def test_counts_over_a_limit_enclose_the_truth_and_only_the_limits_bucket_is_in_doubt(
    values: np.ndarray, limit_s: float
) -> None:
    sketch = LatencySketch.of(values)
    truth = int((values > limit_s).sum())
    assert sketch.n_surely_over(limit_s) <= truth <= sketch.n_over(limit_s)
    if LOWEST_S <= limit_s < HIGHEST_S / 1.03:
        assert sketch.n_over(limit_s) <= (values > limit_s / 1.0203).sum()
        assert sketch.n_surely_over(limit_s) >= (values > limit_s * 1.0203).sum()


@given(anything, st.integers(-1, 61))
def test_edges_are_the_outermost_that_the_counts_allow(values: np.ndarray, n_over: int) -> None:
    sketch = LatencySketch.of(values)
    most = sketch.edge_with_at_most_over(n_over)
    if math.isfinite(most):
        assert sketch.n_over(most) <= n_over
        assert most == LOWEST_S or sketch.n_over(most * 0.999) > n_over
    else:
        assert sketch.n_over(HIGHEST_S) > n_over
    least = sketch.edge_with_at_least_over(n_over)
    if least > 0:
        assert sketch.n_surely_over(least) >= n_over
        assert least >= HIGHEST_S or sketch.n_surely_over(least * 1.001) < n_over
    else:
        assert sketch.n_surely_over(LOWEST_S) < n_over


def test_what_is_out_of_range_counts_at_the_ends() -> None:
    assert SAMPLE.quantile(0) == LOWEST_S
    assert SAMPLE.quantile(1) == HIGHEST_S
    assert SAMPLE.n_over(HIGHEST_S) == 1
    assert SAMPLE.n == 5


@pytest.mark.parametrize("wrong", [-0.001, math.nan, math.inf])
def test_an_impossible_latency_is_refused_with_its_value(wrong: float) -> None:
    with pytest.raises(BadStatistic, match=str(wrong)) as caught:
        LatencySketch.of([0.01, wrong])
    assert "monotonic" in caught.value.remedy


@given(anything)
def test_a_sketch_survives_its_encoding(values: np.ndarray) -> None:
    sketch = LatencySketch.of(values)
    assert LatencySketch.decode(sketch.encode()) == sketch
    assert hash(LatencySketch.decode(sketch.encode())) == hash(sketch)
    assert len(sketch.encode()) <= 8 + 6 * len(values)


def test_a_sketch_saved_by_version_1_is_read() -> None:
    assert LatencySketch.decode(SAMPLE_V1) == SAMPLE


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "truncated"),
        (SAMPLE.encode()[:-1], "truncated"),
        (b"\x93\x02\x90\x90", "version 2"),
        (b"\x93\x01\x91\x00\x90", "1 buckets but 0 counts"),
        (b"\x93\x01\x91\xff\x91\x01", "out of range"),
        (b"\x93\x01\x91\xcd\x10\x00\x91\x01", "out of range"),
        (b"\x93\x01\x92\x05\x00\x92\x01\x01", "out of order"),
        (b"\x93\x01\x91\x05\x91\x00", "not positive"),
        (b"\x93\x01\x91\x05\x91\xcf" + b"\xff" * 8, "too large"),
    ],
)
def test_bytes_that_are_no_sketch_are_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(BadSketch, match=why):
        LatencySketch.decode(data)


@given(st.binary(max_size=40))
def test_hostile_bytes_raise_nothing_else(data: bytes) -> None:
    with suppress(BadSketch):
        assert LatencySketch.decode(data).n >= 0


def test_a_sketch_cannot_be_changed_and_prints_its_size() -> None:
    assert repr(SAMPLE) == "LatencySketch(n=5)"
    assert SAMPLE != "something else"
