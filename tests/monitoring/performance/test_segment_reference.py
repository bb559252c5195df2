"""The performance of segments on the reference: learned, kept, read, refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from served_models import REFERENCE

from seatrial.monitoring.performance.segment_reference import (
    KEY,
    SegmentReference,
    learn_segments,
    read_segments,
    write_segments,
)
from seatrial.monitoring.performance.served_reference import (
    Origin,
    ReferenceUnreadable,
    learn_reference,
)
from seatrial.monitoring.rows.served import column_of, features_table
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import Splits
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

SIGNATURE = Signature(
    features=(
        Feature(name="x", dtype=Dtype.FLOAT64),
        Feature(name="town", dtype=Dtype.STRING),
    ),
    outputs=(
        Output(name="label", dtype=Dtype.STRING),
        Output(name="probabilities", dtype=Dtype.FLOAT64, width=2, classes=("no", "yes")),
    ),
    task=Task.CLASSIFICATION,
    matrix=False,
)
NAMES = np.array(["no", "yes"], dtype=object)


def learned(n: int = 3_000) -> tuple[SegmentReference, np.ndarray, np.ndarray]:
    """Rows of three towns, in the second of which the model is right by chance alone."""
    rng = np.random.default_rng(0)
    second = 1 / (1 + np.exp(-2.0 * rng.normal(size=n)))
    towns = np.array(["Oslo", "Lima", "Wuhan"], dtype=object)[rng.integers(0, 3, n)]
    true = rng.random(n) < np.where(towns == "Lima", 0.5, second)
    labels = NAMES[true.astype(int)]
    labels[:50] = None  # not known
    batch = {"x": rng.normal(size=n), "town": towns}
    splits = Splits(profile_of(features_table(SIGNATURE, batch)), ["town"])
    answers = {
        "label": NAMES[(second > 0.5).astype(int)],
        "probabilities": np.column_stack([1 - second, second]),
    }
    found = learn_segments(
        REFERENCE,
        splits,
        signature=SIGNATURE,
        batch=batch,
        answers=answers,
        labels=column_of(labels),
    )
    return found, towns[50:], (labels == answers["label"])[50:]


def test_each_segment_has_its_own_accuracy_and_the_whole_all_rows() -> None:
    found, towns, right = learned()
    for town in ("Oslo", "Lima", "Wuhan"):
        outcome = found.sums.outcome(found.pairs.index(("town", town)))
        assert outcome.n == (towns == town).sum()
        assert outcome.mean == pytest.approx(right[towns == town].mean())
    whole = found.sums.outcome(found.whole)
    assert (whole.n, whole.mean) == (len(right), pytest.approx(right.mean()))


def rows_in_towns(n: int = 600) -> tuple[dict[str, np.ndarray], np.ndarray, Splits]:
    rng = np.random.default_rng(1)
    towns = np.array(["Oslo", "Lima"], dtype=object)[rng.integers(0, 2, n)]
    batch = {"x": rng.normal(size=n), "town": towns}
    return batch, towns, Splits(profile_of(features_table(SIGNATURE, batch)), ["town"])


def test_a_classifier_without_probabilities_is_known_by_segment_too() -> None:
    signature = replace(SIGNATURE, outputs=SIGNATURE.outputs[:1])
    batch, towns, some = rows_in_towns()
    said = NAMES[np.arange(600) % 2]
    labels = np.where(towns == "Lima", "no", said).astype(object)
    served = learn_reference(
        signature, batch, {"label": said}, column_of(labels), origin=Origin.HOLDOUT
    )
    found = learn_segments(
        served,
        some,
        signature=signature,
        batch=batch,
        answers={"label": said},
        labels=column_of(labels),
    )
    assert found.sums.outcome(found.pairs.index(("town", "Oslo"))).mean == 1.0
    lima = found.sums.outcome(found.pairs.index(("town", "Lima")))
    assert lima.mean == pytest.approx((said == labels)[towns == "Lima"].mean())
    assert found.sums.expected(found.whole).n == 0


def test_several_numbers_a_row_count_each_in_the_segment_of_their_row() -> None:
    signature = replace(
        SIGNATURE,
        outputs=(Output(name="prediction", dtype=Dtype.FLOAT64, width=2),),
        task=Task.REGRESSION,
    )
    batch, towns, some = rows_in_towns()
    said = np.random.default_rng(2).normal(size=(600, 2))
    labels = said + np.where(towns == "Lima", 3.0, 1.0)[:, None]
    served = learn_reference(signature, batch, {"prediction": said}, labels, origin=Origin.HOLDOUT)
    found = learn_segments(
        served, some, signature=signature, batch=batch, answers={"prediction": said}, labels=labels
    )
    for town, error in (("Oslo", 1.0), ("Lima", 3.0)):
        outcome = found.sums.outcome(found.pairs.index(("town", town)))
        assert outcome.n == 2 * (towns == town).sum()
        assert outcome.mean == pytest.approx(error)


def test_it_is_read_as_it_was_written() -> None:
    found, _, _ = learned()
    record = json.loads(json.dumps({KEY: write_segments(found)}))
    again = read_segments(record, found.pairs)
    assert again is not None
    assert again.pairs == found.pairs
    assert np.array_equal(again.sums.sums, found.sums.sums)
    assert read_segments({}, found.pairs) is None


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"columns": {"town": {"Oslo": [1.0]}}, "whole": [0.0] * 7},
        {"columns": {"town": {}}, "whole": ["a"] * 7},
        {"columns": {"town": {}}, "whole": [float("nan")] * 7},
        {"columns": {}, "whole": [0.0] * 7},
        {"columns": 5, "whole": [0.0] * 7},
    ],
)
def test_what_is_no_record_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ReferenceUnreadable, match="by segment") as bad:
        read_segments({KEY: record}, (("town", "Oslo"),))
    assert "deploy the model again" in bad.value.remedy
