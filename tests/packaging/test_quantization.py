"""What int8 loses and gains, in figures and in words."""

from __future__ import annotations

import json

import numpy as np

from seatrial.packaging.quantization import loss_of

BEFORE = {
    "label": np.array([0, 1, 1, 0]),
    "probabilities": np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]], np.float32),
}
AFTER = {
    "label": np.array([0, 0, 1, 0]),
    "probabilities": np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [0.6, 0.4]], np.float32),
}
SECONDS = {1: (2e-5, 1e-5), 8: (4e-5, 4e-5), 64: (9e-5, 3e-5)}


def test_the_figures_are_those_of_the_answers() -> None:
    truly = np.array([0.0, 1.0, 0.0, 0.0])
    found = loss_of(BEFORE, AFTER, labels=truly, n_bytes=(4000, 1000), seconds=SECONDS)
    assert found.n_labels == 1
    assert found.n_rows == 4
    assert found.accuracy == (0.75, 0.5)
    assert abs(found.largest - 0.15) < 1e-6
    assert abs(found.moved - 0.15 / 4) < 1e-6
    assert json.loads(json.dumps(found.as_dict()))["seconds"]["64"] == [9e-5, 3e-5]


def test_they_are_said_in_one_line_and_slower_is_not_called_a_gain_of_speed() -> None:
    found = loss_of(BEFORE, AFTER, labels=None, n_bytes=(4000, 1000), seconds={1: (1e-5, 2e-5)})
    assert found.said == (
        "4.0 kB to 1.0 kB, 0.50 times as fast at 1 row; numbers move by up to 0.15, "
        "1 of 4 labels differ."
    )


def test_a_model_of_numbers_has_no_labels_to_differ() -> None:
    numbers = {"prediction": np.array([1.0, 2.0])}
    found = loss_of(numbers, numbers, labels=np.array([1, 2]), n_bytes=(1, 1), seconds=SECONDS)
    assert (found.n_labels, found.largest, found.accuracy) == (0, 0.0, None)
    assert "2.00 times as fast at 1 row, 3.00 times as fast at 64 rows" in found.said
