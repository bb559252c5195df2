"""What a model of MLflow may answer, as arrays by name; MLflow itself is in `integration`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from seatrial.adapters.native.pyfunc_inputs import taken_by
from seatrial.adapters.native.pyfunc_model import PyfuncModel
from seatrial.registry.signature import Dtype, Feature, Output, Prediction, Signature, Task
from seatrial.serving.failures import UnsupportedModel

ROWS = np.array([[1.0], [2.0], [3.0]])


class Answers:
    """Answers what it was made of."""

    def __init__(self, found: Any) -> None:
        self._found = found

    def predict(self, rows: pd.DataFrame) -> Any:
        assert rows.columns.tolist() == ["a"]
        return self._found


def signature(*outputs: str) -> Signature:
    return Signature(
        features=(Feature(name="a", dtype=Dtype.FLOAT64),),
        outputs=tuple(Output(name=name, dtype=Dtype.FLOAT64) for name in outputs),
        task=Task.OTHER,
        matrix=True,
    )


def model(found: Any, own: object | None = None) -> PyfuncModel:
    taken = taken_by([{"type": "double", "name": "a"}])
    return PyfuncModel(Answers(found), taken, own=own, title="it", logged_by=None)


def asked(found: Any) -> Prediction:
    return model(found).predict(ROWS, signature("unknown"))


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (np.array([1, 2, 3]), {"prediction": [1, 2, 3]}),
        ([1.5, 2.5, 3.5], {"prediction": [1.5, 2.5, 3.5]}),
        (pd.Series([1, 2, 3], name="x", index=[7, 8, 9]), {"prediction": [1, 2, 3]}),
        (pd.DataFrame([[1.0], [2.0], [3.0]]), {"prediction": [1, 2, 3]}),
        (pd.DataFrame({"cost": [1, 2, 3], 5: [4, 5, 6]}), {"cost": [1, 2, 3], "5": [4, 5, 6]}),
        (pd.DataFrame({"p": [[1, 2]] * 3}), {"p": [[1, 2]] * 3}),
        ({"cost": [1, 2, 3]}, {"cost": [1, 2, 3]}),
        ([{"a": 1, "b": "x"}] * 3, {"a": [1] * 3, "b": ["x"] * 3}),
        (sparse.csr_matrix([[1, 0], [0, 1], [0, 0]]), {"prediction": [[1, 0], [0, 1], [0, 0]]}),
        (np.array([[1], [2], [3]]), {"prediction": [1, 2, 3]}),
        (["hot", "cold", "hot"], {"label": ["hot", "cold", "hot"]}),
        (pd.Series(["hot", "cold", "hot"]), {"label": ["hot", "cold", "hot"]}),
        (pd.Series([True, False, True]), {"prediction": [True, False, True]}),
    ],
    ids=(
        *("array", "list", "series", "unnamed frame", "frame", "lists in a frame", "mapping"),
        *("rows", "sparse", "one column", "texts", "series of texts", "truths"),
    ),
)
def test_an_answer_becomes_arrays_by_name(found: Any, wanted: Mapping[str, object]) -> None:
    assert {name: values.tolist() for name, values in asked(found).items()} == wanted


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "answers a NoneType"),
        ((x for x in "abc"), "answers a generator"),
        (pd.DatetimeIndex(["2026-01-01"] * 3), "answers a DatetimeIndex"),
        ([1.0], r"shape \[1\] for 3 rows"),
        ([], r"shape \[0\] for 3 rows"),
        ([[1], [1, 2], [1]], "no array"),
        (["x", 1.0, None], "other things than texts"),
        (pd.Series(["x", None, "y"]), "other things than texts"),
        (pd.DataFrame([[1, 2]] * 3, columns=["a", "a"]), "two columns 'a'"),
        ([{"a": 1}, {"b": 1}, {"a": 1}], "different names"),
        (pd.DataFrame(index=range(3)), r"gives \[\]"),
        ({}, r"gives \[\]"),
    ],
    ids=(
        *("nothing", "generator", "dates", "too few", "none", "ragged", "mixed", "missing text"),
        *("two of a name", "other rows", "no columns", "no names"),
    ),
)
def test_an_answer_that_is_none_is_told(found: Any, words: str) -> None:
    with pytest.raises(UnsupportedModel, match=words) as told:
        asked(found)
    assert told.value.remedy


def test_a_later_answer_has_the_outputs_of_the_first() -> None:
    with pytest.raises(UnsupportedModel, match=r"gives \['cost'\], not \['price'\]"):
        model({"cost": [1, 2, 3]}).predict(ROWS, signature("price"))


def test_the_code_says_whose_the_probabilities_are() -> None:
    class Own:
        classes = ("no", "yes")

    found = {"label": ["no", "yes", "no"], "probabilities": np.full((3, 2), 0.5)}
    asked_model = model(found, Own())
    asked_model.predict(ROWS, signature("unknown"))
    assert asked_model.classes() == ("no", "yes")
