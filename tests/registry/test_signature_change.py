"""What clients notice when another version answers them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.registry.signature import WHOLE, Dtype, Feature, Output, Signature, Task
from seatrial.registry.signature_change import differences, narrowings

SERVED = Signature(
    features=(
        Feature(name="age", dtype=Dtype.FLOAT64, nullable=True),
        Feature(name="visits", dtype=Dtype.INT64),
        Feature(name="city", dtype=Dtype.STRING, categories=("Oslo", "Rome")),
    ),
    outputs=(
        Output(name="label", dtype=Dtype.STRING),
        Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=("no", "yes")),
    ),
    task=Task.CLASSIFICATION,
    matrix=False,
)
AGE, VISITS, CITY = SERVED.features
LABEL, PROBABILITIES = SERVED.outputs


def offered(*features: Feature, outputs: tuple[Output, ...] = SERVED.outputs) -> Signature:
    return replace(SERVED, features=features or SERVED.features, outputs=outputs)


def test_the_same_signature_makes_no_difference() -> None:
    assert differences(SERVED, SERVED) == ()


def test_taking_more_than_before_makes_no_difference() -> None:
    wider = offered(
        replace(AGE, dtype=Dtype.FLOAT32),
        replace(VISITS, dtype=Dtype.FLOAT64, nullable=True),
        replace(CITY, categories=("Bergen", "Rome", "Oslo")),
        outputs=(LABEL, replace(PROBABILITIES, dtype=Dtype.FLOAT64)),
    )
    assert differences(SERVED, wider) == ()
    assert differences(SERVED, offered(AGE, VISITS, replace(CITY, categories=None))) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (offered(AGE, VISITS), ["the feature 'city' is gone"]),
        (
            offered(AGE, VISITS, CITY, Feature(name="plan", dtype=Dtype.STRING)),
            ["the feature 'plan' is new"],
        ),
        (
            offered(AGE, replace(VISITS, name="calls"), CITY),
            ["the feature 'visits' is gone", "the feature 'calls' is new"],
        ),
        (
            offered(replace(AGE, dtype=Dtype.INT64), VISITS, CITY),
            ["the feature 'age' is int64, not float64"],
        ),
        (
            offered(VISITS, AGE, CITY),
            ["the features are in another order, which rows without names follow"],
        ),
        (replace(SERVED, task=Task.REGRESSION), ["the task is regression, not classification"]),
        (offered(outputs=(LABEL,)), ["the output 'probabilities' is gone"]),
        (
            offered(outputs=(replace(LABEL, dtype=Dtype.INT64), PROBABILITIES)),
            ["the output 'label' is int64, not string"],
        ),
        (
            offered(outputs=(LABEL, replace(PROBABILITIES, width=3, classes=("a", "b", "c")))),
            ["the output 'probabilities' has 3 values a row, not 2 values"],
        ),
        (
            offered(outputs=(LABEL, replace(PROBABILITIES, classes=("yes", "no")))),
            ["the columns of the output 'probabilities' stand for other classes"],
        ),
    ],
)
def test_what_a_client_would_notice_is_named(change: Signature, said: list[str]) -> None:
    assert list(differences(SERVED, change)) == said


@pytest.mark.parametrize(
    ("served", "change", "said"),
    [
        (
            SERVED,
            offered(replace(AGE, nullable=False), VISITS, CITY),
            "the feature 'age' may no longer be missing",
        ),
        (
            SERVED,
            offered(AGE, VISITS, replace(CITY, categories=("Rome",))),
            "the feature 'city' no longer knows 'Oslo'",
        ),
        (
            offered(AGE, VISITS, replace(CITY, categories=None)),
            SERVED,
            "the feature 'city' takes only known categories now",
        ),
    ],
)
def test_taking_less_is_named_but_need_not_break_anyone(
    served: Signature, change: Signature, said: str
) -> None:
    assert narrowings(served, change) == (said,)
    assert narrowings(change, served) == ()
    assert differences(served, change) == ()


@given(st.permutations(SERVED.features), st.integers(1, 3))
def test_differences_are_none_just_for_the_same_features_in_the_same_order(
    features: list[Feature], n: int
) -> None:
    change = offered(*features[:n])
    assert (differences(SERVED, change) == ()) is (change == SERVED)


@given(st.sampled_from(list(WHOLE)), st.sampled_from(list(WHOLE)))
def test_whole_numbers_may_become_a_type_that_holds_them_all(before: Dtype, after: Dtype) -> None:
    one = Feature(name="image", dtype=before, shape=(2,))
    served = replace(SERVED, features=(one,), matrix=False)
    change = replace(served, features=(replace(one, dtype=after),))
    holds = np.can_cast(before.numpy, after.numpy)
    assert (differences(served, change) == ()) is holds


def test_halves_in_place_of_floats_take_less_and_break_nobody_who_stays_within() -> None:
    image = Feature(name="image", dtype=Dtype.FLOAT32, shape=(3, 8, 8))
    served = replace(SERVED, features=(image,))
    change = replace(SERVED, features=(replace(image, dtype=Dtype.FLOAT16),))
    assert differences(served, change) == differences(change, served) == ()
    assert narrowings(served, change) == (
        "the feature 'image' takes no number beyond 65,504 any more",
    )
    assert narrowings(change, served) == ()


def test_another_shape_is_noticed() -> None:
    image = Feature(name="image", dtype=Dtype.FLOAT32, shape=(3, 8, 8))
    wide = Output(name="map", dtype=Dtype.FLOAT32, width=4, shape=(2, 2))
    served = Signature(features=(image,), outputs=(wide,), task=Task.OTHER, matrix=False)
    larger = replace(image, shape=(3, 9, 9))
    assert differences(served, replace(served, features=(larger,))) == (
        "the feature 'image' has the shape [3, 9, 9] a row, not the shape [3, 8, 8]",
    )
    assert differences(served, replace(served, features=(replace(image, shape=()),))) == (
        "the feature 'image' has one value a row, not the shape [3, 8, 8]",
    )
    assert differences(served, replace(served, outputs=(replace(wide, shape=(4, 1)),))) == (
        "the output 'map' has another shape: [4, 1]",
    )
