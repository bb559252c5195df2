"""What a signature of MLflow says a model takes, and rows in the form that MLflow asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from seatrial.packaging.model_facts import InputFact, Kind
from seatrial.registry.signature import MAX_RANK, Batch, Dtype
from seatrial.serving.failures import EngineFailed, UnsupportedModel

_COLUMNS: Final = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "object",
}
"""MLflow's types of columns, as numpy calls them; the rest has no one value a row."""

_WHOLE: Final = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")
_TENSORS: Final = frozenset(("bool", *_WHOLE, "float16", "float32", "float64", "str", "object"))
_SMALL: Final = 2
"""Bytes of a whole number whose whole range is shown to who makes up rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One column or tensor.

    Args:
        name: MLflow's own, or made up.
        dtype: as numpy calls it; ``object`` for texts.
        shape: of one row's value.
        required: whether a value may not be missing.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    required: bool = True

    def fact(self) -> InputFact:
        """What it shows of itself."""
        kind = np.dtype(self.dtype).kind
        whole = np.iinfo(self.dtype) if kind in "iu" else None
        small = whole is not None and np.dtype(self.dtype).itemsize <= _SMALL
        return InputFact(
            name=self.name,
            kind={"b": Kind.BOOLEAN, "O": Kind.STRING}.get(kind, Kind.NUMBER),
            nullable=not self.required and kind in "fO",
            shape=self.shape,
            dtype=Dtype.INT64 if whole is not None else None,
            low=float(whole.min) if whole is not None and small else None,
            high=float(whole.max) if whole is not None and small else None,
        )

    def fitted(self, values: Any) -> Any:
        """Values in its type, as MLflow takes no other.   Raises: EngineFailed."""
        wanted = np.dtype(self.dtype)
        if wanted.kind in "iu":
            _check_range(self.name, values, wanted)
        return values.astype(wanted, copy=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """All that a model takes.

    Args:
        inputs: in the signature's order.
        named: whether the names are MLflow's own.
        tensors: whether rows come as arrays; as a data frame otherwise.
    """

    inputs: tuple[Input, ...]
    named: bool
    tensors: bool

    @property
    def matrix(self) -> Input | None:
        """The one tensor of numbers (n, d) without a name, whose columns are features."""
        one = self.inputs[0]
        numbers = len(one.shape) == 1 and np.dtype(one.dtype).kind == "f"
        return one if self.tensors and not self.named and numbers else None

    @property
    def number(self) -> Dtype:
        """The float that holds every number it takes."""
        floats = [np.dtype(i.dtype).itemsize for i in self.inputs if i.dtype.startswith("float")]
        return Dtype.FLOAT32 if floats and max(floats) <= 4 else Dtype.FLOAT64

    def facts(self) -> tuple[InputFact, ...]:
        """What each input shows of itself."""
        one = self.matrix
        if one is not None:
            names = (f"x{k}" for k in range(one.shape[0]))
            return tuple(InputFact(name=name, kind=Kind.NUMBER) for name in names)
        return tuple(i.fact() for i in self.inputs)

    def given(self, batch: Batch, features: Sequence[str]) -> Any:
        """Rows as MLflow asks for them.

        Args: features: the names of the batch's columns, in the signature's order.
        Raises: EngineFailed.
        """
        if self.matrix is not None:
            whole = batch if not isinstance(batch, dict) else _side_by_side(batch, features)
            return self.matrix.fitted(whole)
        columns = _columns(batch, features)
        fitted = [i.fitted(values) for i, values in zip(self.inputs, columns, strict=True)]
        if not self.tensors:
            return self._frame(fitted)
        if not self.named:
            return fitted[0]
        return {i.name: values for i, values in zip(self.inputs, fitted, strict=True)}

    def _frame(self, fitted: Sequence[Any]) -> Any:
        import pandas as pd

        names = [i.name if self.named else k for k, i in enumerate(self.inputs)]
        return pd.DataFrame(dict(zip(names, fitted, strict=True)))


def taken_by(specs: Sequence[Mapping[str, Any]]) -> Taken:
    """What a signature's inputs, as MLflow writes them, say of a model.

    Raises: UnsupportedModel.
    """
    if not specs:
        raise UnsupportedModel(
            "The model's signature in MLflow names no inputs.",
            remedy="Log it with an input_example of some rows.",
        )
    tensors = [spec.get("type") == "tensor" for spec in specs]
    if any(tensors) != all(tensors) or (len(specs) > 1 and any(tensors) and not _names(specs)):
        raise UnsupportedModel(
            "The model's signature in MLflow mixes columns and tensors, or tensors without names.",
            remedy="Log it with one tensor, with tensors that all have names, or with columns.",
        )
    named = _names(specs)
    made = _tensor if tensors[0] else _column
    inputs = tuple(made(spec, _name(spec, k)) for k, spec in enumerate(specs))
    return Taken(inputs=inputs, named=named, tensors=tensors[0])


def _names(specs: Sequence[Mapping[str, Any]]) -> bool:
    return all(spec.get("name") is not None for spec in specs)


def _name(spec: Mapping[str, Any], place: int) -> str:
    name = spec.get("name")
    return f"x{place}" if name is None else str(name)


def _column(spec: Mapping[str, Any], name: str) -> Input:
    dtype = _COLUMNS.get(str(spec.get("type")))
    if dtype is None:
        raise UnsupportedModel(
            f"The model's column {name!r} is {str(spec.get('type'))[:40]} in MLflow.",
            remedy="Log it with columns of boolean, integer, long, float, double or string, and "
            "make of them what the model needs in predict; a list of fixed length is a tensor.",
        )
    return Input(name=name, dtype=dtype, required=bool(spec.get("required", True)))


def _tensor(spec: Mapping[str, Any], name: str) -> Input:
    told = spec.get("tensor-spec") or {}
    dtype, shape = str(told.get("dtype")), list(told.get("shape") or ())
    fixed = all(type(size) is int and size > 0 for size in shape[1:])
    if dtype not in _TENSORS or not shape or shape[0] != -1 or not fixed or len(shape) > MAX_RANK:
        raise UnsupportedModel(
            f"The model's tensor {name!r} is {dtype[:40]} of shape {shape} in MLflow.",
            remedy="Log it with numbers, booleans or texts, -1 rows in the first dimension, and "
            "every other size fixed: pad texts to one length and images to one size.",
        )
    return Input(name=name, dtype="object" if dtype == "str" else dtype, shape=tuple(shape[1:]))


def _columns(batch: Batch, features: Sequence[str]) -> list[Any]:
    if isinstance(batch, dict):
        return [batch[name] for name in features]
    return [batch[:, k] for k in range(len(features))]


def _side_by_side(batch: Mapping[str, Any], features: Sequence[str]) -> Any:
    return np.column_stack([batch[name] for name in features])


def _check_range(name: str, values: Any, wanted: np.dtype[Any]) -> None:
    """Refuse numbers that another type would turn into others.   Raises: EngineFailed."""
    limits = np.iinfo(wanted)
    if values.size and (values.min() < limits.min or values.max() > limits.max):
        raise EngineFailed(
            f"The model takes {name!r} as {wanted}, from {limits.min} to {limits.max}; a row has "
            f"{int(values.min())} or {int(values.max())}.",
            remedy="Send numbers within the range, or log the model with a column of type long.",
        )
