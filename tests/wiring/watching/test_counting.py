"""Rows of a served version are counted against the profile in its bundle."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.rows.served import features_table, predictions_table
from seatrial.monitoring.summaries.profile_record import write_profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary_record import decode
from seatrial.testing.models import column_signature, matrix_signature
from seatrial.wiring.watching.counting import ProfileCounter

SIGNATURE = matrix_signature()


def rows(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(SIGNATURE.matrix_dtype)


def answers(batch: np.ndarray) -> dict[str, np.ndarray]:
    up = 1 / (1 + np.exp(-batch[:, 0]))
    return {
        "label": (up > 0.5).astype(np.int64),
        "probabilities": np.stack([1 - up, up], axis=1).astype(np.float32),
    }


@pytest.fixture
def counter() -> ProfileCounter:
    sample = rows(2_000, 0)
    profile = profile_of(
        features_table(SIGNATURE, sample),
        predictions=predictions_table(SIGNATURE, answers(sample)),
        categorical={"label"},
    )
    return ProfileCounter(SIGNATURE, profile)


def test_what_is_taken_is_the_sum_of_what_was_added(counter: ProfileCounter) -> None:
    batches = [rows(n, n) for n in (1, 7, 300)]
    for batch in batches:
        counter.add(batch, answers(batch))
    apart = counter.take()
    whole = np.concatenate(batches)
    counter.add(whole, answers(whole))
    assert apart is not None
    assert counter.take() == apart
    summary = decode(apart)
    assert summary.n == 308
    assert set(summary.features.known) == set(SIGNATURE.names)
    assert summary.predictions.known
    assert not summary.features.absent


def test_nothing_counted_is_nothing_taken(counter: ProfileCounter) -> None:
    assert counter.take() is None
    counter.add(rows(1, 1), answers(rows(1, 1)))
    assert counter.take() is not None
    assert counter.take() is None


def test_columns_of_names_are_counted_by_name() -> None:
    signature = column_signature()
    n = 40
    batch = {
        feature.name: (
            np.array(["a", None] * (n // 2), object)
            if feature.dtype.numpy.kind == "O"
            else np.ones(n, feature.dtype.numpy)
        )
        for feature in signature.features
    }
    counter = ProfileCounter(signature, profile_of(features_table(signature, batch)))
    counter.add(batch, {"prediction": np.zeros(n, np.float32)})
    taken = counter.take()
    assert taken is not None
    names = [f.name for f in signature.features if f.dtype.numpy.kind == "O"]
    known = decode(taken).features.known
    assert all(known[name].n_missing == n // 2 for name in names)
    assert write_profile(profile_of(features_table(signature, batch)))["n"] == n
