"""Labels find their predictions, however late, doubled or corrected they come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.monitoring.performance.labels import Keeping, join, keep
from seatrial.monitoring.performance.scored import BadLabels
from seatrial.testing.memory_pending import MemoryPending
from seatrial.testing.pending_suite import scored

NAN = float("nan")


def waiting(n: int = 4) -> MemoryPending:
    pending = MemoryPending()
    pending.add(scored(*((f"p{i}", i, i // 2) for i in range(n))))
    return pending


def test_a_label_is_news_once_and_a_correction_tells_what_it_replaces() -> None:
    pending = waiting()
    first = join(pending, ["p2", "p0"], np.array([1.0, 0.0]))
    assert dict(zip(first.rows.ids, first.rows.label.tolist(), strict=True)) == {"p0": 0, "p2": 1}
    assert np.isnan(first.before).all()
    again = join(pending, ["p0", "p2"], np.array([0.0, 0.0]))
    assert (again.rows.ids, again.before.tolist(), again.rows.label.tolist()) == (
        ("p2",),
        [1.0],
        [0.0],
    )
    assert (again.n_repeated, again.n_corrected, first.n_corrected) == (1, 1, 0)


def test_labels_of_unknown_predictions_are_counted_and_some_are_named() -> None:
    found = join(waiting(), [f"x{i}" for i in range(9)] + ["p1"], np.ones(10))
    assert (found.n_unknown, found.unknown, found.rows.ids) == (
        9,
        ("x0", "x1", "x2", "x3", "x4"),
        ("p1",),
    )


def test_the_last_label_of_an_id_in_a_batch_wins_and_a_missing_one_says_nothing() -> None:
    found = join(waiting(), ["p1", "p1", "p1", "p2"], np.array([0.0, 1.0, NAN, np.inf]))
    assert (found.rows.ids, found.rows.label.tolist()) == (("p1",), [1.0])
    assert (found.n_unusable, found.n_unknown) == (2, 0)


def test_ids_without_labels_are_refused() -> None:
    with pytest.raises(BadLabels, match="2 prediction ids for 1 labels"):
        join(waiting(), ["p1", "p2"], np.ones(1))


def test_the_watermark_follows_the_youngest_prediction_and_never_goes_back() -> None:
    pending, keeping = MemoryPending(), Keeping(keep_s=10e-6, max_rows=100)
    first = keep(pending, scored(("a", 100, 1), ("b", 95, 1)), keeping)
    assert (first.n_added, first.n_forgotten, first.watermark_us) == (2, 0, 90)
    second = keep(pending, scored(("c", 106, 1)), keeping, watermark_us=first.watermark_us)
    assert (second.n_forgotten, second.watermark_us) == (1, 96)
    late = keep(pending, scored(("d", 50, 1)), keeping, watermark_us=second.watermark_us)
    assert (late.n_added, late.n_forgotten, late.watermark_us) == (1, 1, 96)
    assert join(pending, ["b", "d"], np.ones(2)).n_unknown == 2
    assert keep(pending, scored(), keeping, watermark_us=96).watermark_us == 96
    assert keep(pending, scored(), keeping).watermark_us is None


def test_memory_is_bounded_by_dropping_the_oldest() -> None:
    pending = MemoryPending()
    kept = keep(pending, scored(*((f"p{i}", i, 0) for i in range(10))), Keeping(max_rows=3))
    assert kept.n_forgotten == 7
    assert sorted(pending.since(0).ids) == ["p7", "p8", "p9"]


def test_a_prediction_with_a_known_id_is_counted_and_dropped() -> None:
    pending = waiting(2)
    kept = keep(pending, scored(("p1", 9, 9), ("new", 9, 9)), Keeping())
    assert kept.n_added == 1


labels = st.lists(
    st.tuples(st.sampled_from(["p0", "p1", "p2", "p3", "x"]), st.sampled_from([0.0, 1.0, NAN])),
    max_size=12,
)


@given(labels, st.integers(0, 12))
def test_how_labels_are_cut_into_batches_changes_nothing_in_the_end(
    said: list[tuple[str, float]], cut: int
) -> None:
    whole, parts = waiting(), waiting()
    ids, values = [i for i, _ in said], np.array([v for _, v in said], np.float64)
    join(whole, ids, values)
    first = join(parts, ids[:cut], values[:cut])
    second = join(parts, ids[cut:], values[cut:])
    last = {i: v for i, v in said if v == v and i != "x"}
    for pending in (whole, parts):
        found = pending.since(0)
        kept = dict(zip(found.ids, found.label.tolist(), strict=True))
        assert {i: v for i, v in kept.items() if v == v} == last
    # The sum of changes is the sum of what stands: news minus what they replace.
    changes = sum(
        float((f.rows.label - np.where(np.isnan(f.before), 0, f.before)).sum())
        for f in (first, second)
    )
    assert changes == sum(last.values())
