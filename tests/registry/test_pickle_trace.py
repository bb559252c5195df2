"""The trace sees exactly the imports that unpickling would make."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import io
import pickle
import pickletools
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from seatrial.registry.allowed import named
from seatrial.registry.pickle_trace import Untraceable, trace

X = np.random.default_rng(0).normal(size=(30, 3))
Y = X[:, 0] > 0

LEAVES = st.sampled_from(
    [
        None,
        b"bytes",
        bytearray(b"x"),
        dt.timedelta(1),
        decimal.Decimal("1.5"),
        np.float64(2),
        np.arange(3),
        np.array(["a", None], dtype=object),
        np.log,
        LogisticRegression(),
        {1, 2},
        frozenset({3}),
        collections.Counter("ab"),
        range(3),
    ]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | inner.map(lambda v: collections.OrderedDict(a=v))
    ),
    max_leaves=6,
)


class Recorder(pickle.Unpickler):
    """The real thing, noting what it imports."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.imports: set[str] = set()

    def find_class(self, module_name: str, global_name: str, /) -> object:
        self.imports.add(str(named(module_name, global_name)))
        return super().find_class(module_name, global_name)


def imports_when_loaded(data: bytes) -> set[str]:
    recorder = Recorder(data)
    recorder.load()
    return recorder.imports


def imports_traced(data: bytes) -> set[str]:
    return {str(i) for i in trace(io.BytesIO(data)).imports}  # type: ignore[arg-type]


@given(VALUES, st.integers(0, 5))
def test_the_trace_equals_what_loading_imports(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert imports_traced(data) == imports_when_loaded(data)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingClassifier(n_estimators=2).fit(X, Y),
        KNeighborsClassifier(algorithm="kd_tree").fit(X, Y),
        make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(abs(X), Y),
        OneHotEncoder().fit([["a"], ["b"]]),
    ],
    ids=lambda m: type(m).__name__,
)
def test_the_trace_of_a_model_equals_what_loading_it_imports(model: object, protocol: int) -> None:
    data = pickle.dumps(model, protocol)
    assert imports_traced(data) == imports_when_loaded(data)


@given(VALUES, st.integers(0, 5), st.data())
def test_a_damaged_pickle_is_traced_or_untraceable_and_nothing_else(
    value: object, protocol: int, draw: st.DataObject
) -> None:
    data = bytearray(pickle.dumps(value, protocol))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        imports = trace(io.BytesIO(data)).imports  # type: ignore[arg-type]
    except Untraceable:
        return
    assert list(imports) == sorted(imports)


@given(st.binary(max_size=300))
def test_noise_is_traced_or_untraceable_and_nothing_else(data: bytes) -> None:
    try:
        imports_traced(data)
    except Untraceable:
        return
    assert pickle.STOP in data


def test_large_values_are_skipped_and_not_kept() -> None:
    data = pickle.dumps({"a": b"x" * 100_000, "b": "y" * 100_000, "c": np.log})
    assert imports_traced(data) == {"numpy.log"}


def test_an_extension_code_is_untraceable() -> None:
    assert any(op.name == "EXT1" for op in pickletools.opcodes)
    with pytest.raises(Untraceable, match="extension code 9"):
        imports_traced(b"\x80\x02\x82\x09.")


def test_nesting_too_deep_is_untraceable_or_fine() -> None:
    deep = b"\x80\x02" + b"(" * 100_000 + b"N" + b"l" * 100_000 + b"."
    assert imports_traced(deep) == set()


@pytest.mark.parametrize("code", [0x8D, 0x8E, 0x96])
def test_a_length_beyond_the_file_ends_the_trace_without_memory(code: int) -> None:
    with pytest.raises(Untraceable):
        imports_traced(b"\x80\x05" + bytes([code]) + struct.pack("<Q", 1 << 50) + b"x")
