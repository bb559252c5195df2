"""Labels by the numbers of classes, where the model gives classes numbers."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.packaging.label_ids import named_labels
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task


def signature(*outputs: Output) -> Signature:
    return Signature(
        features=(Feature(name="text", dtype=Dtype.STRING),),
        outputs=outputs,
        task=Task.CLASSIFICATION,
        matrix=False,
    )


LABEL = Output(name="label", dtype=Dtype.STRING)
TWO = signature(
    LABEL,
    Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=("bad", "good")),
)


def test_numbers_of_hugging_faces_classes_are_their_names() -> None:
    found = named_labels(np.array([1, 0, 1]), "huggingface", TWO)
    assert found.tolist() == ["good", "bad", "good"]
    found = named_labels(np.array([1.0, np.nan]), "huggingface", TWO)
    assert found.tolist() == ["good", None]


@pytest.mark.parametrize(
    ("labels", "framework"),
    [(np.array([1, 0]), "scikit-learn"), (np.array(["good", "bad"], object), "huggingface")],
    ids=["whose numbers are a guess", "names already"],
)
def test_other_labels_stay_as_they_are(labels: np.ndarray, framework: str) -> None:
    assert named_labels(labels, framework, TWO) is labels


def test_a_model_without_a_list_of_its_classes_names_none() -> None:
    labels = np.array([0, 1])
    assert named_labels(labels, "huggingface", signature(LABEL)) is labels
