"""Rows of a piece against a signature: each is judged as if it were alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.adapters.scoring.rows import Rows, checked
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.column import column
from seatrial.serving.exchange import BadInput

FEATURES = (
    Feature(name="x", dtype=Dtype.FLOAT32),
    Feature(name="x", dtype=Dtype.FLOAT64, nullable=True),
    Feature(name="x", dtype=Dtype.INT64),
    Feature(name="x", dtype=Dtype.STRING, categories=("a", "b")),
    Feature(name="x", dtype=Dtype.FLOAT32, shape=(2,)),
    Feature(name="x", dtype=Dtype.UINT8, shape=(2,)),
)
SOME = st.sampled_from(
    [
        *(1, 2.5, 256, -1, 10**400, math.nan, math.inf, None, True, "a", "c", {"a": 1}),
        *([1, 2], [1, math.nan], [300, "x"], [1], ["a"], [None], [], [[1], [2]]),
    ]
)


def alone(feature: Feature, value: Any) -> Any:
    """The value as a row of its own; None where it is a bad one."""
    known = frozenset[object](feature.categories) if feature.categories else None
    try:
        return column(feature, [value], known)
    except BadInput:
        return None


@pytest.mark.parametrize("feature", FEATURES, ids=lambda f: f"{f.dtype} {len(f.shape)}")
@given(values=st.lists(SOME, min_size=1, max_size=40))
def test_a_row_is_good_or_bad_whatever_stands_beside_it(
    feature: Feature, values: list[Any]
) -> None:
    signature = Signature(
        features=(feature,),
        outputs=(Output(name="y", dtype=Dtype.FLOAT32),),
        task=Task.OTHER,
        matrix=False,
    )
    found = checked(Rows(n=len(values), values={"x": values}, kept={}), signature)
    expected = [alone(feature, value) for value in values]
    bad = [row for row, one in enumerate(expected) if one is None]
    assert sorted(found.flaws) == bad
    assert all(flaw.row == row for row, flaw in found.flaws.items())
    if isinstance(found.batch, dict):
        good = np.concatenate([one for one in expected if one is not None])
        np.testing.assert_array_equal(found.batch["x"], good)
    else:
        assert len(bad) == len(values)
