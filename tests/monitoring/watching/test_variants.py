import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.store import Slice
from seatrial.monitoring.service.history import ServiceHistory
from seatrial.monitoring.watching.variants import (
    ERROR_RATE,
    NoSuchVersion,
    side_by_side,
    variants_record,
)
from seatrial.release.measurement import Summary
from seatrial.testing.memory_store import MemoryStore


def summary(n: int, ms: float, n_errors: int = 0, *, seed: int = 1) -> Summary:
    times = np.random.default_rng(seed).exponential(ms / 1e3, n)
    return Summary.of(times, errors={"timeout": n_errors})


def test_each_version_has_its_numbers_with_intervals() -> None:
    found = side_by_side({1: summary(3_000, 20, 3), 2: summary(1_000, 20, 1)})
    first, second = found.variants
    assert [v.version for v in found.variants] == [1, 2]
    assert (first.share, second.share) == (0.75, 0.25)
    assert found.compared_with == 1
    for variant in found.variants:
        assert variant.metrics[ERROR_RATE].value == pytest.approx(0.001)
        for name, q in (("p50_ms", 0.5), ("p95_ms", 0.95)):
            metric = variant.metrics[name]
            assert metric.value is not None
            truth = -20 * np.log(1 - q)
            assert metric.interval.lower <= truth <= metric.interval.upper
            assert metric.interval.lower <= metric.value <= metric.interval.upper


def test_versions_that_do_the_same_do_not_differ() -> None:
    found = side_by_side({1: summary(20_000, 20, 10), 2: summary(20_000, 20, 10, seed=2)})
    assert not any(found.variants[1].differs(name) for name in found.variants[1].differences)
    assert found.variants[0].differences == {}


def test_a_slower_version_with_more_errors_differs() -> None:
    found = side_by_side({1: summary(20_000, 20, 5), 2: summary(5_000, 40, 100)}, compared_with=1)
    second = found.variants[1]
    assert second.differs("p50_ms")
    assert second.differs("p95_ms")
    assert second.differs(ERROR_RATE)
    assert second.differences[ERROR_RATE].value == pytest.approx(0.01975)
    assert second.differences["p50_ms"].interval.lower > 0


def test_what_one_gains_the_other_loses() -> None:
    both = {1: summary(5_000, 20), 2: summary(5_000, 40)}
    there = side_by_side(both, compared_with=1).variants[1].differences["p95_ms"]
    back = side_by_side(both, compared_with=2).variants[0].differences["p95_ms"]
    assert there.value == pytest.approx(-(back.value or 0))
    assert there.interval.lower > 0 > back.interval.upper


def test_nothing_measured_is_unknown_and_differs_from_nothing() -> None:
    found = side_by_side({1: summary(1_000, 20), 2: Summary.empty()})
    empty = found.variants[1]
    assert all(metric.value is None for metric in empty.metrics.values())
    assert not any(empty.differs(name) for name in empty.differences)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["variants"][1]["n"] == 0


def test_no_version_is_no_comparison() -> None:
    found = side_by_side({})
    assert (found.compared_with, found.variants) == (None, ())


def test_a_version_that_did_not_answer_cannot_be_compared_with() -> None:
    with pytest.raises(NoSuchVersion, match="Version 7 did not answer") as caught:
        side_by_side({1: Summary.empty()}, compared_with=7)
    assert "one of: 1" in caught.value.remedy


@given(st.dictionaries(st.integers(1, 5), st.integers(0, 200), min_size=1))
def test_shares_add_up_and_intervals_hold_their_values(sizes: dict[int, int]) -> None:
    found = side_by_side({version: summary(n, 10, n // 7) for version, n in sizes.items()})
    total = sum(variant.share for variant in found.variants)
    assert total == pytest.approx(1.0 if any(sizes.values()) else 0.0)
    for variant in found.variants:
        for estimate in (*variant.metrics.values(), *variant.differences.values()):
            if estimate.value is not None:
                assert estimate.interval.lower <= estimate.value <= estimate.interval.upper


def test_equal_versions_are_seldom_found_to_differ_however_often_one_looks() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(20):
        a, b = Summary.empty(), Summary.empty()
        for _ in range(6):
            a, b = (s + Summary.of(rng.exponential(0.02, 300)) for s in (a, b))
            other = side_by_side({1: a, 2: b}).variants[1]
            wrong += any(other.differs(name) for name in other.differences)
    assert wrong == 0


NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def history(**answers: tuple[int, float]) -> ServiceHistory:
    """Answers of versions a minute ago: how many, and how long each took in ms."""
    store = MemoryStore()
    for version, (n, ms) in answers.items():
        store.add_slices(
            [
                Slice(
                    endpoint="churn",
                    version=int(version[1:]),
                    revision=2,
                    worker="w",
                    start=NOW - timedelta(minutes=1),
                    width_s=1.0,
                    summary=summary(n, ms).encode(),
                )
            ]
        )
    made = ServiceHistory(store, "churn")
    made.refresh(NOW)
    return made


def test_the_record_holds_serving_versions_against_the_one_in_production() -> None:
    past = history(v1=(20_000, 20), v2=(5_000, 40), v3=(10, 5))
    record = variants_record(past, (1, 2), stable=1, now=NOW)
    assert record is not None
    assert json.loads(json.dumps(record)) == record
    assert record["compared_with"] == 1
    variants = record["variants"]
    assert isinstance(variants, list)
    assert [v["version"] for v in variants] == [1, 2]
    assert "p95_ms" in variants[1]["differs"]
    assert variants[1]["differences"]["p95_ms"]["value"] > 40
    assert str(record["since"]) < str(record["until"]) == NOW.isoformat()


@pytest.mark.parametrize("versions", [(), (1,), (1, 9)])
def test_there_is_no_record_without_a_second_version_that_answered(versions) -> None:
    assert variants_record(history(v1=(100, 20)), versions, stable=1, now=NOW) is None
