"""Estimators use no more threads than their process may."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seatrial.adapters.native.threads import allowed_threads, hold


class Part:
    """An estimator that is visibly made of others."""

    def __init__(self, n_jobs: Any = None, **inner: Any) -> None:
        self.n_jobs = n_jobs
        self.__dict__ |= inner


@pytest.mark.parametrize(
    ("asked", "threads", "left"),
    [
        (8, 1, 1),
        (8, 4, 4),
        (-1, 2, 2),
        (-2, 1, 1),
        (0, 1, 1),
        (1, 4, 1),
        (2, 4, 2),
        (None, 1, None),
    ],
)
def test_only_what_asks_for_more_is_lowered(asked: Any, threads: int, left: Any) -> None:
    part = Part(asked)
    hold(part, threads=threads)
    assert part.n_jobs == left


def test_every_part_of_a_model_is_held() -> None:
    deep = [Part(8) for _ in range(7)]
    model = Part(
        best_estimator_=Part(
            steps=[
                ("scale", "passthrough"),
                ("columns", Part(transformers_=[("a", deep[0], [0]), ("b", "drop", [1])])),
                ("vote", Part(estimators_=[deep[1], deep[2]], final_estimator_=deep[3])),
                ("calibrate", Part(calibrated_classifiers_=[Part(estimator=deep[4])])),
            ],
        ),
        estimator_=deep[5],
        estimators_=np.array([1]),  # of gradient boosting: an array, whose trees have no n_jobs
        estimator=deep[6],
    )
    deep[6].estimator = model  # a ring must not hang
    hold(model, threads=1)
    assert [part.n_jobs for part in deep] == [1] * 7


def test_a_real_forest_answers_the_same_with_one_thread() -> None:
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3))
    forest = RandomForestClassifier(5, n_jobs=4, random_state=0).fit(x, x[:, 0] > 0)
    before = forest.predict_proba(x)
    hold(forest, threads=1)
    assert forest.n_jobs == 1
    assert np.array_equal(forest.predict_proba(x), before)


def test_a_process_started_without_a_limit_uses_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert allowed_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert allowed_threads() == 3
