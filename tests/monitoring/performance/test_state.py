"""The state of a variant's performance: the same whatever comes first."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_models import binary, regression, scored

from seatrial.monitoring.performance.labels import join
from seatrial.monitoring.performance.record import (
    BadPerformanceRecord,
    state_from_dict,
    state_to_dict,
)
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.state import (
    STEP_ROWS,
    BadSteps,
    PerformanceState,
    learn,
    observe,
    start,
    steps_by_count,
    steps_of_window,
)
from seatrial.stats import fusion
from seatrial.testing.memory_pending import MemoryPending


def assert_same(found: PerformanceState, wanted: PerformanceState) -> None:
    assert [s.index for s in found.fusion.steps] == [s.index for s in wanted.fusion.steps]
    for one, other in zip(found.fusion.steps, wanted.fusion.steps, strict=True):
        assert one.expected.mean == pytest.approx(other.expected.mean)
        assert one.reading.n == other.reading.n
        assert one.reading.total == pytest.approx(other.reading.total, abs=1e-9)
    assert found.fusion.now.mean == pytest.approx(wanted.fusion.now.mean, abs=1e-9)
    assert list(found.windows) == list(wanted.windows)
    for index, window in found.windows.items():
        assert window.n == wanted.windows[index].n
        assert window.labelled.metrics() == wanted.windows[index].labelled.metrics()
        assert window.residuals.n == wanted.windows[index].residuals.n


def made(seed: int, n: int) -> tuple[Scored, np.ndarray]:
    score, label = binary(seed, n)
    return scored(score, audited=np.arange(n) % 5 == 0), label


def told(
    reference: PerformanceReference, rows: Scored, said: list[tuple[list[str], np.ndarray]]
) -> PerformanceState:
    """Predictions first, then batches of labels."""
    pending = MemoryPending()
    pending.add(rows)
    state = observe(start(reference, steps_per_window=2), reference, rows)
    for ids, labels in said:
        state = learn(state, reference, join(pending, ids, labels))
    return state


def test_the_order_and_batches_of_labels_change_nothing(classifier: PerformanceReference) -> None:
    rows, label = made(2, 600)
    ids = list(rows.ids)
    at_once = told(classifier, rows, [(ids, label)])
    order = np.random.default_rng(3).permutation(600)
    mixed = [([ids[i] for i in part], label[part]) for part in np.array_split(order, 7)]
    assert_same(told(classifier, rows, mixed), at_once)


def test_a_correction_leaves_the_state_of_labels_that_were_right_at_once(
    classifier: PerformanceReference,
) -> None:
    rows, label = made(4, 400)
    ids = list(rows.ids)
    wrong = label.copy()
    wrong[:90] = 1 - wrong[:90]
    corrected = told(classifier, rows, [(ids, wrong), (ids, label), (ids[:50], label[:50])])
    assert_same(corrected, told(classifier, rows, [(ids, label)]))


@given(st.integers(0, 400), st.integers(0, 400))
def test_how_predictions_are_cut_into_batches_changes_nothing(
    classifier: PerformanceReference, cut: int, other: int
) -> None:
    rows, _ = made(5, 400)
    low, high = sorted((cut, other))
    empty = start(classifier, steps_per_window=2)
    state = empty
    for part in (slice(0, low), slice(low, high), slice(high, 400)):
        state = observe(state, classifier, rows.some(np.arange(400)[part]))
    assert_same(state, observe(empty, classifier, rows))


def test_a_state_is_read_back_from_json(
    classifier: PerformanceReference, regressor: PerformanceReference
) -> None:
    rows, label = made(7, 300)
    state = told(classifier, rows, [(list(rows.ids[:200]), label[:200])])
    assert_same(state_from_dict(json.loads(json.dumps(state_to_dict(state)))), state)
    rows, label = regressed(regressor, 8, 300)
    state = told(regressor, rows, [(list(rows.ids), label)])
    assert_same(state_from_dict(json.loads(json.dumps(state_to_dict(state)))), state)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 3}, "version 3"),
        ({"windows": [[0, 1]]}, "TypeError"),
        ({"windows": [[0, 1, {"confusion": [[1]], "levels": [], "rows": []}, [0, 0, 0]]]}, "shape"),
    ],
)
def test_a_record_that_is_none_is_refused(
    classifier: PerformanceReference, change: dict[str, object], says: str
) -> None:
    record = state_to_dict(start(classifier, steps_per_window=1)) | change
    with pytest.raises(BadPerformanceRecord, match=says):
        state_from_dict(record)


def regressed(
    reference: PerformanceReference, seed: int, n: int, *, noise: float = 1.0
) -> tuple[Scored, np.ndarray]:
    table = regression(seed, n, noise=noise)
    assert reference.loss is not None
    row = np.arange(n)
    rows = Scored(
        ids=tuple(f"r{i}" for i in row),
        at_us=row.astype(np.int64),
        step=row // 100,
        predicted=np.asarray(table.columns["said"]),
        score=reference.loss.of(table),
        audited=row % 5 == 0,
        label=np.full(n, np.nan),
    )
    return rows, np.asarray(table.columns["y"])


def test_an_enormous_label_that_is_corrected_leaves_no_trace(
    regressor: PerformanceReference,
) -> None:
    rows, label = regressed(regressor, 9, 300)
    ids = list(rows.ids)
    wrong = label.copy()
    wrong[7] = 1e9
    found = told(regressor, rows, [(ids, wrong), (ids, label)])
    wanted = told(regressor, rows, [(ids, label)])
    for index, window in found.windows.items():
        for one, other in zip(
            window.labelled.metrics(), wanted.windows[index].labelled.metrics(), strict=True
        ):
            assert one.value == pytest.approx(other.value)
    assert found.fusion.now.mean == pytest.approx(wanted.fusion.now.mean, abs=1e-6)


def test_scores_that_are_no_probabilities_are_counted_and_left_out(
    classifier: PerformanceReference,
) -> None:
    score, label = binary(10, 200)
    rows = scored(score)
    rows.score[:150] = np.nan
    state = told(classifier, rows, [(list(rows.ids), label)])
    assert state.n_unusable == 150
    assert [s.expected.n for s in state.fusion.steps] == [50]
    assert state.windows[0].labelled.n == 200  # what was measured needs no score
    assert state.windows[0].residuals.n == 50


def test_no_predictions_change_nothing(classifier: PerformanceReference) -> None:
    empty = start(classifier, steps_per_window=2)
    rows = scored(np.zeros(0))
    assert observe(empty, classifier, rows).fusion == empty.fusion
    assert learn(empty, classifier, join(MemoryPending(), [], np.zeros(0))).windows == {}


def test_silence_makes_the_estimate_less_sure(classifier: PerformanceReference) -> None:
    score, _ = binary(11, 200)
    rows = scored(score)
    empty = start(classifier, steps_per_window=1)
    steady = observe(empty, classifier, rows)
    rows.step[100:] += 20
    after_silence = observe(empty, classifier, rows)
    assert after_silence.fusion.now.variance > 2 * steady.fusion.now.variance


def test_rows_of_steps_that_are_gone_are_counted(
    classifier: PerformanceReference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fusion, "MAX_STEPS", 3)
    rows, label = made(12, 600)
    state = told(classifier, rows, [(list(rows.ids[:100]), label[:100])])
    assert [s.index for s in state.fusion.steps] == [3, 4, 5]
    assert state.n_late == 100
    assert state.windows[0].labelled.n == 100  # but they are measured
    again = observe(state, classifier, rows.some(np.arange(100)))
    assert again.n_late == 200


def test_rows_are_cut_into_steps_that_fill_windows() -> None:
    assert [steps_of_window(n) for n in (1, STEP_ROWS, 453, 2_637, 10**6)] == [1, 1, 3, 18, 20]
    step = steps_by_count(950, 1_100, window_rows=1_000, steps_per_window=7)
    assert (step[0], step[50], step[-1]) == (6, 7, 14)
    assert np.bincount(step)[7:14].tolist() == [143, 143, 143, 143, 143, 143, 142]
    assert set(step[50:1_050] // 7) == {1}


def test_the_estimate_remembers_windows_of_any_size_long_enough_for_late_labels() -> None:
    assert 25 * steps_of_window(10**6) <= fusion.MAX_STEPS


def test_a_window_without_steps_is_refused(classifier: PerformanceReference) -> None:
    with pytest.raises(BadSteps, match="0 steps"):
        start(classifier, steps_per_window=0)
