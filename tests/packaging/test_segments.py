"""Which columns a version is split by, and what is refused before anything takes long."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import Splits
from seatrial.packaging.sample import SampleMismatch
from seatrial.packaging.segments import check_segments, said_of, split_by
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

SIGNATURE = Signature(
    features=(
        Feature(name="age", dtype=Dtype.FLOAT64),
        Feature(name="town", dtype=Dtype.STRING),
    ),
    outputs=(Output(name="prediction", dtype=Dtype.FLOAT64),),
    task=Task.REGRESSION,
    matrix=False,
)
N = 300
PROFILE = profile_of(
    Table(
        columns={
            "age": np.arange(float(N)),
            "town": Coded(np.arange(N, dtype=np.int32) % 30, tuple(f"t{i}" for i in range(30))),
            "text": Coded(np.zeros(N, np.int32), ("a text of many words is no category",)),
        },
        n=N,
    )
)


def test_inputs_of_the_model_are_taken_with_a_sample() -> None:
    check_segments(("age", "town"), SIGNATURE, has_sample=True)
    check_segments((), SIGNATURE, has_sample=False)


@pytest.mark.parametrize(
    ("asked", "has_sample", "said", "remedy"),
    [
        (("plan",), True, "no input 'plan'", "age, town"),
        (("town",), False, "no sample", "--data"),
    ],
)
def test_others_are_refused_by_name(
    asked: tuple[str, ...], has_sample: bool, said: str, remedy: str
) -> None:
    with pytest.raises(SampleMismatch, match=said) as bad:
        check_segments(asked, SIGNATURE, has_sample=has_sample)
    assert remedy in bad.value.remedy


def test_what_is_asked_for_goes_before_what_is_usual() -> None:
    usual = ("town", "plan", "text", "age")
    assert split_by(PROFILE, asked=("age", "age"), usual=usual) == ("age",)
    assert split_by(PROFILE, asked=(), usual=usual) == ("town", "age")
    assert split_by(PROFILE, asked=(), usual=()) == ()


def test_what_is_kept_is_said_with_what_is_summed_up() -> None:
    said = said_of(Splits(PROFILE, ["town", "age"]))
    assert said == (
        "the sample is kept by town (20 segments, the others together as (other)), age (4 segments)"
    )
