"""The replays measure what they say, on made-up truths and on one real stream."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.monitor.replay_score import Score, Watched, goals, label_alerts, score, table, total
from benchmarks.monitor.replays import Labels, main, reference_of, watch
from benchmarks.monitor.streams import STREAMS, Predicted, Stream, Truth, predictions, truth_of
from seatrial.monitoring.performance.verdict import Trust

DATA = Path(__file__).parents[1] / "data"


def made(accuracies: list[float], rows: int = 100) -> Predicted:
    """A stream whose accuracy per window is known; 90 % on the reference."""
    label = np.ones(1_000 + rows * len(accuracies), np.int64)
    label[:100] = 0
    for window, accuracy in enumerate(accuracies):
        start = 1_000 + window * rows
        label[start : start + round((1 - accuracy) * rows)] = 0
    probabilities = np.tile([0.1, 0.9], (len(label), 1))
    stream = Stream("made", 0.1, 0.1, len(accuracies), "concept")
    return Predicted(stream, probabilities, label, 1_000, rows)


def test_episodes_are_smoothed_drops_and_quiet_is_far_from_them() -> None:
    truth = truth_of(made([0.9] * 8 + [0.7] * 4 + [0.9] * 2 + [0.7] * 3 + [0.9] * 8))
    assert truth.reference == pytest.approx(0.9)
    assert truth.episodes == [(7, 17)]  # two windows apart are one
    assert truth.runs == [(7, 17)]  # smoothed, they touch
    assert np.flatnonzero(truth.quiet).tolist() == [*range(4), *range(21, 25)]


def test_an_alert_on_labels_comes_when_the_labels_do() -> None:
    truth = truth_of(made([0.9] * 8 + [0.7] * 4 + [0.9] * 8))
    assert label_alerts(truth, 4) == [12]


def test_a_score_counts_what_was_said() -> None:
    truth = Truth(
        reference=0.9,
        accuracy=np.array([0.9] * 4 + [0.7] * 4),
        bad=np.arange(8) >= 4,
        quiet=np.arange(8) < 2,
        episodes=[(4, 7)],
        runs=[(4, 5), (7, 7)],
    )
    said = Watched(
        alarmed=np.array([1, 0, 0, 0, 0, 1, 1, 1], bool),
        proven=np.zeros(8, bool),
        estimate=np.full(8, 0.8),
        label_free=np.full(8, 0.9),
        trust=[Trust.CONFIRMED] * 6 + [Trust.CONTRADICTED] * 2,
        covered=np.ones(8, bool),
    )
    found = score(truth, said, 2)
    assert (found.n_found, found.n_false, found.n_flagged) == (1, 1, 3)
    assert (found.n_runs_found, found.n_runs) == (2, 2)
    assert (found.n_wrong, found.n_wrong_off) == (2, 2)  # contradicted two windows later
    assert (found.n_right, found.n_right_off) == (4, 0)
    assert found.error == pytest.approx(0.1)
    assert found.leads == (1,)
    assert total([found, found]).n_quiet == 4
    assert "| all | 2 of 2 | 2 of 4 (50 %) |" in table("x", [("a", found), ("b", found)])
    assert "| no |" in goals([("a", found)], {"a": "concept"})


def test_what_labels_prove_counts_when_they_come_and_for_the_window_they_are_of() -> None:
    truth = Truth(
        reference=0.9,
        accuracy=np.array([0.9] * 4 + [0.7] * 4),
        bad=np.arange(8) >= 4,
        quiet=np.arange(8) < 2,
        episodes=[(4, 7)],
        runs=[(4, 5), (7, 7)],
    )
    said = Watched(
        alarmed=np.arange(8) == 7,
        proven=np.isin(np.arange(8), [1, 4]),
        estimate=np.full(8, 0.8),
        label_free=np.full(8, 0.9),
        trust=[Trust.CONFIRMED] * 8,
        covered=np.ones(8, bool),
    )
    found = score(truth, said, 2)
    assert (found.n_false, found.n_flagged) == (1, 1)
    assert found.leads == (6 - 3,)  # window 1, within reach of the onset, told in window 3
    assert score(truth, replace(said, proven=np.arange(8) == 4), 2).leads == (0,)


def test_a_folder_without_the_sets_is_a_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path), "--sets", "sea"]) == 2
    assert "has no sea" in capsys.readouterr().err


@pytest.fixture(scope="module")
def weather() -> Predicted:
    pytest.importorskip("sklearn")
    return predictions(next(s for s in STREAMS if s.name == "noaa_weather"), DATA)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "least_flagged", "most_error"),
    [(Labels("both", 50, 4), 0.85, 0.045), (Labels("late", 0, 4), 0.7, 0.075)],
)
def test_the_drift_of_half_a_century_of_weather_is_seen(
    weather: Predicted, labels: Labels, least_flagged: float, most_error: float
) -> None:
    found = replay(weather, labels)
    assert (found.n_found, found.n_episodes) == (1, 1)
    assert found.n_flagged >= least_flagged * found.n_bad
    assert found.error <= most_error < found.label_free_error
    assert found.n_wrong_off >= 0.85 * found.n_wrong
    assert min(found.leads) >= 0


@pytest.mark.slow
def test_without_labels_the_weather_looks_fine_and_is_not_called_verified(
    weather: Predicted,
) -> None:
    found = replay(weather, Labels("none", 0, None))
    assert found.n_flagged < 0.3 * found.n_bad
    assert found.n_wrong_off == 0


def replay(weather: Predicted, labels: Labels) -> Score:
    said = watch(weather, reference_of(weather), labels, 0)
    if labels.late_windows is None:
        assert set(said.trust) == {Trust.UNVERIFIED}
    return score(truth_of(weather), said, 4)
