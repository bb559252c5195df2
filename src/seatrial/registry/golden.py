"""Golden rows: a few inputs with the answers the model gave when it was packaged.

Stored as JSON that any health check can read: one list of values per input, outputs flat in row
order. Every value comes back as it was: floats through their shortest exact decimal, NaN and None
as null, infinities as the words ``"Infinity"`` and ``"-Infinity"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.registry.manifest import canonical
from seatrial.registry.signature import Batch, Column, Dtype, Prediction, Signature, n_rows

Value: TypeAlias = float | int | bool | str | None

_INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}
_WORDS = {number: word for word, number in _INFINITE.items()}


class GoldenUnreadable(Invalid):
    """Golden rows that do not fit the signature, or hold what no model takes."""

    code = "bundle.golden_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """Inputs with their expected outputs.

    Args:
        inputs: n >= 1 rows that fit the signature.
        outputs: by name, n rows each.
        rtol: accepted difference relative to the expected number, >= 0.
        atol: accepted difference besides, >= 0. Labels, texts and whole numbers must be equal.
    """

    inputs: Batch
    outputs: Prediction
    rtol: float = 1e-4
    atol: float = 1e-5


class _ColumnRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    dtype: Dtype
    shape: tuple[int, ...]
    values: list[float | int | bool | str | None]


class _GoldenRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: int
    rtol: float
    atol: float
    inputs: list[_ColumnRecord]
    outputs: list[_ColumnRecord]


def encode_golden(golden: Golden, signature: Signature) -> bytes:
    """The bytes of ``golden.json``. Raises: GoldenUnreadable."""
    rows = n_rows(golden.inputs)
    inputs = _columns(golden.inputs, signature)
    if rows < 1 or any(
        len(array) != rows for array in (*inputs.values(), *golden.outputs.values())
    ):
        raise _unreadable("inputs and outputs need the same number of rows, at least one")
    return canonical(
        {
            "rows": rows,
            "rtol": golden.rtol,
            "atol": golden.atol,
            "inputs": [_record(name, array) for name, array in inputs.items()],
            "outputs": [_record(name, array) for name, array in sorted(golden.outputs.items())],
        }
    )


def decode_golden(raw: bytes, signature: Signature) -> Golden:
    """The golden rows behind the bytes of ``golden.json``. Raises: GoldenUnreadable."""
    try:
        record = msgspec.convert(json.loads(raw), _GoldenRecord)
        inputs = {column.name: _array(column) for column in record.inputs}
        outputs = {column.name: _array(column) for column in record.outputs}
    except (ValueError, OverflowError, msgspec.ValidationError) as error:
        raise _unreadable(str(error)) from error
    if tuple(inputs) != signature.names:
        raise _unreadable("its inputs are not those of the signature")
    batch: Batch = inputs
    if signature.matrix:
        batch = np.column_stack([inputs[name] for name in signature.names])
    return Golden(inputs=batch, outputs=outputs, rtol=record.rtol, atol=record.atol)


def _columns(batch: Batch, signature: Signature) -> Mapping[str, Column]:
    if not isinstance(batch, dict):
        if batch.ndim != 2 or batch.shape[1] != len(signature.names):
            raise _unreadable(f"a matrix of shape {batch.shape} does not fit the signature")
        return {name: batch[:, i] for i, name in enumerate(signature.names)}
    if set(batch) != set(signature.names):
        raise _unreadable("its inputs are not those of the signature")
    return {name: batch[name] for name in signature.names}


def _record(name: str, array: NDArray[np.generic]) -> dict[str, object]:
    dtype = _dtype(name, array)
    flat = array.ravel().tolist()
    return {
        "name": name,
        "dtype": dtype.value,
        "shape": list(array.shape),
        "values": [_to_json(name, dtype, value) for value in flat],
    }


def _dtype(name: str, array: NDArray[np.generic]) -> Dtype:
    if array.dtype.kind in "OU":
        return Dtype.STRING
    try:
        return Dtype(array.dtype.name)
    except ValueError as error:
        known = ", ".join(Dtype)
        raise _unreadable(f"{name!r} has dtype {array.dtype}, not one of {known}") from error


def _to_json(name: str, dtype: Dtype, value: object) -> Value:
    if isinstance(value, float):
        if dtype is Dtype.STRING and not math.isnan(value):
            raise _unreadable(f"{name!r} holds {value!r} among texts")
        if math.isnan(value):
            return None
        return _WORDS.get(value, value)
    if isinstance(value, str):
        return str(value)
    if value is None or (dtype is not Dtype.STRING and isinstance(value, bool | int)):
        return value
    raise _unreadable(f"{name!r} holds {value!r} among texts")


def _array(column: _ColumnRecord) -> NDArray[np.generic]:
    values = [_from_json(column, value) for value in column.values]
    return np.array(values, dtype=column.dtype.numpy).reshape(column.shape)


def _from_json(column: _ColumnRecord, value: Value) -> Value:
    match column.dtype:
        case Dtype.STRING if value is None or isinstance(value, str):
            return value
        case Dtype.BOOL if isinstance(value, bool):
            return value
        case dtype if dtype.whole and isinstance(value, int) and not isinstance(value, bool):
            return value
        case dtype if dtype.floating and (value is None or isinstance(value, float)):
            return math.nan if value is None else value
        case dtype if dtype.floating and isinstance(value, str) and value in _INFINITE:
            return _INFINITE[value]
    raise _unreadable(f"{column.name!r} holds {value!r}, which is not {column.dtype}")


def _unreadable(reason: str) -> GoldenUnreadable:
    return GoldenUnreadable(
        f"The golden rows cannot be used: {reason}.",
        remedy="Deploy the model again so that new ones are taken.",
        reason=reason,
    )
