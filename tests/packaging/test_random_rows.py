"""Made-up rows always fit the signature they were made for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seatrial.packaging.accepted_rows import valid
from seatrial.packaging.model_facts import InputFact, Kind
from seatrial.packaging.random_rows import random_rows
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task, n_rows

OUTPUTS = (Output(name="prediction", dtype=Dtype.FLOAT64),)
NUMBERS = (Dtype.FLOAT32, Dtype.FLOAT64)


def signature(*features: Feature) -> Signature:
    same = len({f.dtype for f in features}) == 1 and features[0].dtype.numeric
    same = same and not any(f.shape for f in features)
    return Signature(features=features, outputs=OUTPUTS, task=Task.OTHER, matrix=same)


@st.composite
def feature(draw: st.DrawFn, name: str) -> Feature:
    dtype = draw(st.sampled_from(list(Dtype)))
    categories: tuple[str, ...] | tuple[int, ...] | None = None
    if dtype is Dtype.STRING:
        categories = draw(st.none() | st.just(("a", "b")))
    elif dtype is Dtype.INT64:
        categories = draw(st.none() | st.just((1, 5)))
    shape = draw(st.just((2, 3)) if dtype.narrow else st.just(()))
    nullable = draw(st.booleans()) and not (dtype.whole or shape or dtype is Dtype.BOOL)
    return Feature(name=name, dtype=dtype, nullable=nullable, categories=categories, shape=shape)


SIGNATURES = st.integers(1, 4).flatmap(
    lambda n: st.tuples(*(feature(f"f{i}") for i in range(n))).map(lambda fs: signature(*fs))
)


@given(SIGNATURES, st.integers(1, 40), st.integers(0, 9))
def test_rows_fit_and_repeat_for_the_same_seed(s: Signature, n: int, seed: int) -> None:
    rows = random_rows(s, n, seed=seed)
    assert n_rows(rows) == n
    columns = rows if isinstance(rows, dict) else dict(zip(s.names, rows.T, strict=True))
    for f in s.features:
        assert columns[f.name].dtype == f.dtype.numpy
        assert valid(columns[f.name], f).all()
    again = random_rows(s, n, seed=seed)
    for name, column in columns.items():
        other = again[name] if isinstance(again, dict) else again[:, s.names.index(name)]
        np.testing.assert_array_equal(column, other)


def column(hint: InputFact, n: int = 2000) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rows = random_rows(signature(Feature(name="a", dtype=Dtype.FLOAT64)), n, seed=0, hints=[hint])
    assert not isinstance(rows, dict)
    return rows[:, 0].astype(np.float64)


def test_pixels_are_of_all_values_unless_the_sample_shows_which() -> None:
    image = Feature(name="image", dtype=Dtype.UINT8, shape=(8, 8))
    low = InputFact(name="image", kind=Kind.NUMBER, low=0.0)
    for hints in ((), (low,)):
        rows = random_rows(signature(image), 40, seed=0, hints=hints)
        assert isinstance(rows, dict)
        assert set(rows["image"].ravel().tolist()) == set(range(256))
    deep = replace(image, dtype=Dtype.INT16)
    rows = random_rows(signature(deep), 40, seed=0)
    assert isinstance(rows, dict)
    assert rows["image"].dtype == np.int16
    assert rows["image"].min() < -20_000 < 20_000 < rows["image"].max()
    mask = InputFact(name="image", kind=Kind.NUMBER, low=0.0, high=0.0)
    rows = random_rows(signature(image), 40, seed=0, hints=(mask,))
    assert isinstance(rows, dict)
    assert not rows["image"].any()


def test_numbers_surround_the_edges_where_trees_branch() -> None:
    values = column(InputFact(name="a", kind=Kind.NUMBER, edges=(100.0, 150.0, 200.0)))
    assert values.min() < 100
    assert values.max() > 200
    assert values.min() >= 90
    assert values.max() <= 210


def test_numbers_lie_around_what_a_scaler_saw() -> None:
    values = column(InputFact(name="a", kind=Kind.NUMBER, center=1000.0, spread=2.0))
    assert abs(values.mean() - 1000) < 1
    assert abs(values.std() - 2) < 0.5


def test_numbers_stay_where_a_logarithm_is_defined() -> None:
    values = column(InputFact(name="a", kind=Kind.NUMBER, center=0.1, spread=5.0, low=0.0))
    assert values.min() >= 0


def test_open_categories_are_drawn_from_what_the_encoder_saw() -> None:
    s = signature(Feature(name="c", dtype=Dtype.STRING))
    hint = InputFact(name="c", kind=Kind.STRING, categories=("u", "v"))
    rows = random_rows(s, 50, seed=0, hints=[hint])
    assert isinstance(rows, dict)
    assert set(rows["c"].tolist()) == {"u", "v"}
