"""The drift alarm: evidence and effect, what moved, since when, and what a window may hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seatrial.monitoring.drift.alarm_state import AlarmSettings, BadWatch, Watched, WatchState
from seatrial.monitoring.drift.decision import DriftDecision, DriftOutcome
from seatrial.monitoring.drift.detector import DriftAlarm, with_clustering
from seatrial.stats.detector_state import BadDetectorState

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
K = 64
N_REFERENCE, N_WINDOW = 64_000, 2_000


def _shares(level: float = 0.0) -> np.ndarray:
    return np.diff(stats.norm.cdf(stats.norm.ppf(np.arange(K + 1) / K) - level))


CITY = np.array([0.5, 0.3, 0.15, 0.05, 0.0])


def _watched() -> list[Watched]:
    return [
        Watched(
            name="age", reference=np.append(N_REFERENCE * _shares(), 0), ordered=True, n_apart=1
        ),
        Watched(name="income", reference=N_REFERENCE * _shares(), ordered=True),
        Watched(name="city", reference=N_REFERENCE * CITY, ordered=False, n_apart=1, weight=2.0),
    ]


def _window(
    rng: np.random.Generator, *, age: float = 0.0, missing: float = 0.0, city: np.ndarray = CITY
) -> dict[str, np.ndarray]:
    return {
        "age": rng.multinomial(N_WINDOW, np.append((1 - missing) * _shares(age), missing)),
        "income": rng.multinomial(N_WINDOW, _shares()),
        "city": rng.multinomial(N_WINDOW, city),
    }


def _run(
    alarm: DriftAlarm, windows: list[dict[str, np.ndarray]], state: WatchState | None = None
) -> tuple[WatchState, list[DriftDecision]]:
    state, said = state or alarm.start(), []
    for i, window in enumerate(windows):
        state, decision = alarm.step(state, window, at=START + i * HOUR)
        said.append(decision)
    return state, said


def test_quiet_windows_are_quiet_and_say_so() -> None:
    rng = np.random.default_rng(1)
    _, said = _run(DriftAlarm(_watched()), [_window(rng) for _ in range(30)])
    assert {d.outcome for d in said} == {DriftOutcome.QUIET}
    assert not any(d.alarm or d.moved for d in said)
    assert "no drift shown" in said[-1].reason
    assert "the budget is once in 10,000" in said[-1].reason


@pytest.mark.parametrize(
    ("change", "column", "moved"),
    [
        ({"age": 0.2}, "age", "level up"),
        ({"age": -0.2}, "age", "level down"),
        ({"missing": 0.05}, "age", "missing or unseen up"),
        ({"city": np.array([0.46, 0.34, 0.15, 0.05, 0.0])}, "city", "mix"),
        ({"city": np.array([0.49, 0.3, 0.15, 0.05, 0.01])}, "city", "mix"),
    ],
)
def test_a_drift_is_told_with_its_column_its_kind_and_its_beginning(
    change: dict, column: str, moved: str
) -> None:
    rng = np.random.default_rng(2)
    windows = [_window(rng) for _ in range(12)] + [_window(rng, **change) for _ in range(4)]
    _, said = _run(DriftAlarm(_watched()), windows)
    assert not any(d.alarm for d in said[:12])
    last = said[-1]
    assert last.outcome is DriftOutcome.DRIFT
    assert [(m.column, m.moved, m.found) for m in last.moved] == [(column, moved, True)]
    assert last.since is not None
    assert abs(last.since - (START + 12 * HOUR)) <= HOUR
    assert last.reason.startswith(
        f"drift since 2026-03-01 1{last.since.hour - 10}:00 UTC: {column!r}"
    )
    assert last.windows_per_false_alarm >= last.budget


def test_the_effect_is_the_psi_of_the_rows_since_the_change() -> None:
    rng = np.random.default_rng(3)
    windows = [_window(rng) for _ in range(5)] + [_window(rng, age=0.3) for _ in range(10)]
    _, said = _run(DriftAlarm(_watched()), windows)
    top = said[-1].moved[0]
    p, q = _shares().reshape(32, 2).sum(axis=1), _shares(0.3).reshape(32, 2).sum(axis=1)
    assert top.effect == pytest.approx(float(((q - p) * np.log(q / p)).sum()), rel=0.15)
    assert top.n == 10 * N_WINDOW
    quiet = next(m for m in said[-1].movements if m.column == "income")
    assert not quiet.found
    assert quiet.effect is not None
    assert quiet.effect < 0.02


def test_a_trifle_in_many_rows_is_evidence_but_no_alarm() -> None:
    rng = np.random.default_rng(4)
    reference = rng.multinomial(10**7, _shares())
    alarm = DriftAlarm([Watched(name="age", reference=reference, ordered=True)])
    windows = [{"age": rng.multinomial(10**6, _shares(0.02))} for _ in range(3)]
    _, said = _run(alarm, windows)
    assert said[-1].outcome is DriftOutcome.SMALL
    assert not said[-1].alarm
    assert "too little to matter (under PSI 0.005)" in said[-1].reason
    strict = DriftAlarm(alarm.columns, AlarmSettings(effect_floor=0.0))
    assert _run(strict, windows)[1][-1].alarm


def test_a_larger_budget_never_alarms_sooner() -> None:
    rng = np.random.default_rng(5)
    windows = [_window(rng, age=0.07) for _ in range(15)]
    first = []
    for budget in (100, 10_000, 10**6):
        _, said = _run(DriftAlarm(_watched(), AlarmSettings(budget=budget)), windows)
        first.append(next((i for i, d in enumerate(said) if d.alarm), 99))
    assert first == sorted(first)
    assert first[-1] < 99


def test_an_empty_window_is_no_data_and_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    alarm = DriftAlarm(_watched())
    state, _ = _run(alarm, [_window(rng)])
    after, decision = alarm.step(state, {}, at=START)
    assert after is state
    assert decision.outcome is DriftOutcome.NO_DATA
    assert decision.absent == ("age", "income", "city")
    assert "no rows" in decision.reason


def test_columns_that_vanish_or_come_are_named_and_harm_nothing() -> None:
    rng = np.random.default_rng(7)
    alarm = DriftAlarm(_watched())
    state, _ = _run(alarm, [_window(rng)])
    window = _window(rng)
    del window["income"]
    window["height"] = np.ones(3)
    after, decision = alarm.step(state, window, at=START + HOUR)
    assert (decision.absent, decision.unknown) == (("income",), ("height",))
    assert decision.outcome is DriftOutcome.QUIET
    np.testing.assert_array_equal(after.recent[1], state.recent[1])


def test_a_small_reference_is_watched_in_few_bins_and_keeps_quiet() -> None:
    rng, n_runs = np.random.default_rng(9), 40
    wrong = 0
    for _ in range(n_runs):
        reference = rng.multinomial(30, _shares())
        alarm = DriftAlarm([Watched(name="age", reference=reference, ordered=True)])
        _, said = _run(alarm, [{"age": rng.multinomial(500, _shares())} for _ in range(10)])
        wrong += any(d.alarm for d in said)
    assert wrong <= 1
    alarm = DriftAlarm([Watched(name="age", reference=reference, ordered=True)])
    _, said = _run(alarm, [{"age": rng.multinomial(500, _shares(2.0))} for _ in range(3)])
    assert said[-1].alarm


def test_rows_that_come_in_clusters_alarm_unless_their_clustering_was_looked_for() -> None:
    rng, rho = np.random.default_rng(12), 0.01

    def window(level: float = 0.0) -> dict[str, np.ndarray]:
        shares = rng.dirichlet(_shares(level) * (1 / rho - 1))
        return {"age": rng.multinomial(N_WINDOW, shares)}

    before = [window() for _ in range(40)]
    age = Watched(name="age", reference=sum(w["age"] for w in before), ordered=True)
    quiet = [window() for _ in range(20)]
    assert _run(DriftAlarm([age]), quiet)[1][-1].alarm
    aware = DriftAlarm(with_clustering([age], before))
    assert aware.columns[0].clustering == pytest.approx(rho, rel=0.5)
    assert not any(d.alarm for d in _run(aware, quiet)[1])
    assert _run(aware, [window(0.7) for _ in range(6)])[1][-1].alarm


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_a_stored_state_goes_on_as_the_one_it_was(seed: int) -> None:
    rng = np.random.default_rng(seed)
    alarm = DriftAlarm(_watched())
    windows = [_window(rng, age=0.1) for _ in range(6)]
    state, _ = _run(alarm, windows[:3])
    again = WatchState.decode(state.encode())
    assert again.encode() == state.encode()
    for window in windows[3:]:
        state, one = alarm.step(state, window, at=START)
        again, two = alarm.step(again, window, at=START)
        assert one == two


def test_the_state_does_not_grow_with_the_number_of_windows() -> None:
    rng = np.random.default_rng(10)
    alarm = DriftAlarm(_watched())
    state, _ = _run(alarm, [_window(rng) for _ in range(20)])
    early = len(state.encode())
    state, _ = _run(alarm, [_window(rng) for _ in range(100)], state)
    assert len(state.encode()) < 1.2 * early


def test_a_decision_is_a_json_record() -> None:
    rng = np.random.default_rng(11)
    _, said = _run(DriftAlarm(_watched()), [_window(rng, age=0.5)])
    record = json.loads(json.dumps(said[-1].as_dict(), allow_nan=False))
    assert record["alarm"] is True
    assert record["since"] == "2026-03-01T00:00:00+00:00"
    assert record["movements"][0]["column"] == "age"


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: DriftAlarm([]), "'columns' are none"),
        (lambda: DriftAlarm(_watched() + _watched()[:1]), "'age' is watched twice"),
        (lambda: Watched(name="a", reference=np.array([]), ordered=True), "'a' has a reference"),
        (
            lambda: Watched(name="a", reference=np.array([-1.0]), ordered=True),
            "'a' has a reference",
        ),
        (lambda: Watched(name="a", reference=np.ones(2), ordered=True, n_apart=3), "n_apart 3"),
        (lambda: Watched(name="a", reference=np.ones(2), ordered=True, weight=0), "weight 0"),
        (lambda: AlarmSettings(budget=0), "'budget' is 0"),
        (lambda: AlarmSettings(effect_floor=-1), "'effect_floor' is -1"),
        (
            lambda: Watched(name="a", reference=np.ones(2), ordered=True, clustering=1),
            "clustering 1",
        ),
    ],
)
def test_what_cannot_be_watched_is_named(make: object, named: str) -> None:
    with pytest.raises(BadWatch, match=named):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("counts", [np.ones(3), np.append(np.ones(63), np.nan), np.full(64, -1)])
def test_a_window_in_other_bins_names_its_column(counts: np.ndarray) -> None:
    alarm = DriftAlarm(_watched())
    with pytest.raises(BadWatch, match="'income' has"):
        alarm.step(alarm.start(), {"income": counts}, at=START)


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"\x95\x09\xc4\x00\x92\x92\x00\x00\xc4\x00\xc4\x00\x80"]
)
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises((BadWatch, BadDetectorState)):
        WatchState.decode(data)


def test_the_sentence_names_the_three_largest_effects_and_counts_the_others() -> None:
    rng = np.random.default_rng(13)
    names = [f"c{i}" for i in range(5)]
    alarm = DriftAlarm(
        [Watched(name=n, reference=N_REFERENCE * _shares(), ordered=True) for n in names]
    )
    window = {n: rng.multinomial(N_WINDOW, _shares(0.6 + 0.3 * i)) for i, n in enumerate(names)}
    _, (said,) = _run(alarm, [window])
    assert len(said.moved) == 5
    named = said.reason.partition(";")[0]
    assert [named.index(f"'{n}' level up (PSI") for n in ("c4", "c3", "c2")] == sorted(
        named.index(f"'{n}'") for n in ("c2", "c3", "c4")
    )
    assert named.endswith("and 2 more")
