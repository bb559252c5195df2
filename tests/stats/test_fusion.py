from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as scipy_stats

from seatrial.stats import fusion
from seatrial.stats.calibration import Expectation
from seatrial.stats.counts import BadStatistic
from seatrial.stats.fusion import (
    Belief,
    Fusion,
    Residuals,
    Step,
    expected_over,
    extend,
    revise,
)
from seatrial.stats.fusion_record import BadFusion, fusion_from_dict, fusion_to_dict

EXPECTED = Expectation(n=500, mean=0.85, row_variance=0.12, map_variance=1e-5)


def step(index: int, audited: Residuals | None = None, labelled: Residuals | None = None) -> Step:
    return Step(
        index=index,
        windows=1.0,
        expected=EXPECTED,
        audited=audited or Residuals(),
        labelled=labelled or Residuals(),
    )


def reading(n: int, mean: float) -> Residuals:
    return Residuals(n=n, total=n * mean, variance=n * 0.12)


def filtered(steps: list[Step]) -> Fusion:
    state = Fusion.start(unit=0.01, variance=1e-4)
    for one in steps:
        state = extend(state, one)
    return state


def test_with_one_pace_it_is_the_kalman_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "PACES", (1.0,))
    monkeypatch.setattr(fusion, "LEAVES", (0.1,))
    monkeypatch.setattr(fusion, "ENTERS", (1.0,))
    means = [0.01, -0.03, 0.02, -0.05, -0.06]
    state = filtered([step(i, reading(50, m)) for i, m in enumerate(means)])
    # The same in one go: the normal law of the path given all readings.
    times = np.arange(1, 6)
    prior = 1e-4 + 1e-4 * np.minimum.outer(times, times)
    gain = prior[-1] @ np.linalg.inv(prior + np.eye(5) * 0.12 / 50)
    assert state.now.mean == pytest.approx(gain @ means)
    assert state.now.variance == pytest.approx(prior[-1, -1] - gain @ prior[-1])


def test_a_mixture_has_the_chances_and_quantiles_of_its_parts() -> None:
    belief = Belief(weights=(0.5, 0.3, 0.2), means=(0.0, -0.05, 0.1), variances=(1e-4, 4e-4, 1e-2))
    law = [
        scipy_stats.norm(m, np.sqrt(v + 1e-4))
        for m, v in zip(belief.means, belief.variances, strict=True)
    ]
    for limit in (-0.1, -0.02, 0.0, 0.3):
        oracle = sum(w * part.cdf(limit) for w, part in zip(belief.weights, law, strict=True))
        assert belief.chance_below(limit, more_variance=1e-4) == pytest.approx(oracle, abs=1e-12)
    found = belief.interval(share=0.9, more_variance=1e-4)
    assert belief.chance_below(found.lower, more_variance=1e-4) == pytest.approx(0.05, abs=1e-6)
    assert belief.chance_below(found.upper, more_variance=1e-4) == pytest.approx(0.95, abs=1e-6)

    def density(x: float) -> float:
        parts = zip(belief.weights, belief.means, belief.variances, strict=True)
        return sum(w * scipy_stats.norm.pdf(x, m, np.sqrt(v)) for w, m, v in parts)

    second = integrate.quad(lambda x: x**2 * density(x), -1, 1, points=[-0.05, 0, 0.1])[0]
    assert belief.variance == pytest.approx(second - belief.mean**2, rel=1e-6)


def test_a_break_is_followed_within_two_windows_of_many_labels() -> None:
    quiet = [step(i, labelled=reading(500, 0.0)) for i in range(20)]
    after = [step(i, labelled=reading(500, -0.15)) for i in range(20, 22)]
    assert abs(filtered(quiet).now.mean) < 0.005
    assert filtered(quiet + after).now.mean < -0.13


def test_noise_of_a_still_world_is_averaged_away() -> None:
    rng = np.random.default_rng(1)
    ends = []
    for _ in range(60):
        means = rng.normal(0, np.sqrt(0.12 / 50), 30)
        ends.append(filtered([step(i, reading(50, m)) for i, m in enumerate(means)]).now.mean)
    assert np.std(ends) < 0.5 * np.sqrt(0.12 / 50)


def test_the_interval_holds_the_bias_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    held = []
    for _ in range(150):
        bias, state = 0.0, Fusion.start(unit=0.01, variance=1e-4)
        bias = rng.normal(0, 0.01)
        for i in range(15):
            pace = rng.choice([0.5, 2.0, 10.0], p=[0.75, 0.2, 0.05])
            bias += rng.normal(0, 0.01 * pace)
            mean = bias + rng.normal(0, np.sqrt(0.12 / 100))
            state = extend(state, step(i, reading(100, mean)))
        found = state.now.interval(share=0.9)
        held.append(found.lower <= bias <= found.upper)
    # 150 trials at 90 %: 82.7 % to 97.3 % with 99.7 %.
    assert 0.82 <= np.mean(held) <= 0.975


def test_without_labels_the_estimate_stays_and_grows_unsure() -> None:
    state = filtered([step(i) for i in range(10)])
    assert state.now.mean == 0
    assert state.now.variance > 4 * filtered([step(0)]).now.variance
    assert state.checked is None


def test_few_of_the_labels_do_not_stand_for_all_rows_but_an_audit_does() -> None:
    few = step(0, reading(20, -0.2), reading(400, 0.3))
    assert few.reading == few.audited
    assert step(0, reading(20, -0.2), reading(450, 0.3)).reading == reading(450, 0.3)


means = st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=12)


@given(means, st.permutations(range(12)), st.integers(0, 11))
def test_the_order_in_which_labels_arrive_changes_nothing(
    values: list[float], order: list[int], corrected: int
) -> None:
    truth = [step(i, labelled=reading(500, m)) for i, m in enumerate(values)]
    at_once = filtered(truth)
    state = filtered([step(i) for i in range(len(values))])
    if corrected < len(values):  # a wrong label first, put right later
        state = revise(state, {corrected: step(corrected, labelled=reading(500, 0.9))})
    for index in order:
        if index < len(values):
            state = revise(state, {index: truth[index]})
    assert state.steps == at_once.steps
    np.testing.assert_allclose(
        [(b.mean, b.variance) for b in state.beliefs],
        [(b.mean, b.variance) for b in at_once.beliefs],
        rtol=1e-12,
    )


def test_history_is_bounded_and_labels_of_dropped_steps_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fusion, "MAX_STEPS", 4)
    steps = [step(i, reading(50, -0.02 * i)) for i in range(9)]
    state = filtered(steps)
    assert [s.index for s in state.steps] == [5, 6, 7, 8]
    assert revise(state, {2: step(2, reading(50, 0.9))}) is state
    monkeypatch.setattr(fusion, "MAX_STEPS", 100)
    assert state.now == filtered(steps).now


def test_steps_do_not_go_back_in_time() -> None:
    with pytest.raises(BadStatistic, match="step 3 comes after step 3"):
        extend(filtered([step(3)]), step(3))


@pytest.mark.parametrize(("unit", "variance"), [(0.0, 0.1), (0.01, -1.0), (float("nan"), 0.1)])
def test_a_scale_that_is_none_is_refused(unit: float, variance: float) -> None:
    with pytest.raises(BadStatistic, match="no scale"):
        Fusion.start(unit=unit, variance=variance)


def test_steps_together_are_expected_to_do_what_their_rows_are() -> None:
    harder = replace(EXPECTED, n=1_500, mean=0.65)
    both = expected_over([step(0), replace(step(1), expected=harder)])
    assert both is not None
    assert (both.n, both.mean) == (2_000, pytest.approx(0.7))
    assert expected_over([]) is None


def test_a_state_is_read_back_as_it_was() -> None:
    state = filtered([step(i, reading(50, 0.01 * i), reading(9, 0.1)) for i in range(5)])
    assert fusion_from_dict(fusion_to_dict(state)) == state


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 7}, "version 7"),
        ({"beliefs": []}, "1 steps but 0 beliefs"),
        ({"steps": [[1, 2]]}, "ValueError"),
        ({"before": [[1.0], [0.0], [0.0]]}, "as many parts"),
        ({"unit": None}, "TypeError"),
    ],
)
def test_a_record_that_is_none_is_refused(change: dict[str, object], says: str) -> None:
    record = fusion_to_dict(filtered([step(0)])) | change
    with pytest.raises(BadFusion, match=says):
        fusion_from_dict(record)


def test_an_overconfident_map_does_not_make_a_single_error_impossible() -> None:
    certain = Residuals(n=10, total=-1.0, variance=0.0)
    assert filtered([step(0, certain)]).now.mean > -0.06


@pytest.mark.parametrize("seed", range(40))
def test_a_quantile_is_where_its_share_lies_below_however_narrow_some_parts_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random(3) ** 3 + 1e-9
    scales = rng.choice([1e-12, 1e-8, 1e-4, 0.01, 1.0], 3) * (0.1 + rng.random(3))
    belief = Belief(
        weights=tuple(weights / weights.sum()),
        means=tuple(rng.normal(0, 0.1, 3)),
        variances=tuple(scales),
    )
    for share in (0.5, 0.9, 0.99):
        found = belief.interval(share=share)
        for place, wanted in ((found.lower, (1 - share) / 2), (found.upper, (1 + share) / 2)):
            slack = 1e-9 * np.sqrt(max(scales)) + 1e-9
            assert belief.chance_below(place - slack) <= wanted + 1e-6
            assert belief.chance_below(place + slack) >= wanted - 1e-6
