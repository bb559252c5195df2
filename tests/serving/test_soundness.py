from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.serving.exchange import BadOutput
from seatrial.serving.soundness import check, check_rows, finite, floating


@given(
    values=hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=20),
    )
)
def test_finite_says_what_testing_each_value_says(values: np.ndarray) -> None:
    assert finite(values) == bool(np.isfinite(values).all())


@pytest.mark.parametrize("n", [3, 300])
def test_large_finite_values_are_finite_though_their_squares_are_not(n: int) -> None:
    assert finite(np.full(n, 1e200))
    assert finite(np.full(n, 3e38, dtype=np.float32))


def test_the_message_names_output_and_row() -> None:
    probabilities = np.full((20, 2), 0.5, dtype=np.float32)
    probabilities[7, 1] = np.nan
    with pytest.raises(BadOutput, match=r"churn version 2 returned nan for 'p' in row 7"):
        check("churn version 2", {"p": probabilities}, 20, ["p"])


def test_labels_are_not_looked_at_and_missing_rows_are_noticed() -> None:
    check("m", {"label": np.array(["a", None], dtype=object)}, 2, [])
    with pytest.raises(BadOutput, match="2 rows of 'label' for 3 rows"):
        check_rows("m", {"label": np.array([1, 2])}, 3)


def test_an_output_that_is_missing_is_the_versions_fault() -> None:
    with pytest.raises(BadOutput, match="churn returned no 'p'"):
        check("churn", {"label": np.array([1])}, 1, ["p"])


def test_only_floating_outputs_can_hold_nan() -> None:
    signature = Signature(
        features=(Feature(name="a", dtype=Dtype.FLOAT32),),
        outputs=(
            Output(name="label", dtype=Dtype.STRING),
            Output(name="count", dtype=Dtype.INT64),
            Output(name="p", dtype=Dtype.FLOAT32, width=2),
        ),
        task=Task.CLASSIFICATION,
        matrix=True,
    )
    assert floating(signature) == ("p",)
