"""Answers as columns of a table, the same in every format.

One value a row keeps the output's name. Several become a column each, named by their class or
place: ``probabilities.yes``, ``embedding.0``.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Dtype, Output, Prediction, Signature
from seatrial.serving.scoring import InputUnfit

if TYPE_CHECKING:
    import pyarrow as pa

    from seatrial.adapters.scoring.parse import Reading
    from seatrial.adapters.scoring.rows import Rows

ROW = "row"
"""The column that says which row of the file an answer belongs to, from 0."""


def output_columns(output: Output) -> tuple[str, ...]:
    """The names of an output's columns."""
    if not output.row_shape:
        return (output.name,)
    places = output.classes or range(prod(output.row_shape))
    return tuple(f"{output.name}.{place}" for place in places)


def answer_schema(signature: Signature, kept: dict[str, pa.DataType]) -> pa.Schema:
    """The columns of answers: the row, what is handed through, the outputs.

    Raises: InputUnfit: two columns would have one name.
    """
    import pyarrow as pa

    fields = [pa.field(ROW, pa.int64()), *(pa.field(name, kind) for name, kind in kept.items())]
    for output in signature.outputs:
        kind = pa.string() if output.dtype is Dtype.STRING else pa.from_numpy_dtype(_dtype(output))
        fields += [pa.field(name, kind) for name in output_columns(output)]
    names = [field.name for field in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputUnfit(
            f"The column {twice!r} cannot be kept: the answers have one of that name.",
            remedy="Rename it in the file, or keep another one.",
            field=twice,
        )
    return pa.schema(fields)


def answer_table(
    signature: Signature,
    prediction: Prediction | None,
    rows: Rows,
    good: NDArray[np.int64],
    reading: Reading,
) -> pa.Table:
    """Answers to the rows of a piece, behind what is handed through; rows counted in the piece.

    Args: good: the rows that ``prediction`` answers, ascending.
    """
    import pyarrow as pa

    here = np.searchsorted(rows.parsed(), good)
    whole = len(here) == rows.n
    columns: dict[str, Any] = {ROW: array_of(good)}
    for name in reading.kept:
        columns[name] = rows.kept[name] if whole else rows.kept[name].take(pa.array(here))
    for output in signature.outputs:
        columns |= dict(_columns(output, None if prediction is None else prediction[output.name]))
    return pa.table(columns)


def _columns(output: Output, values: NDArray[Any] | None) -> Iterator[tuple[str, Any]]:
    names = output_columns(output)
    if values is None:
        values = np.empty((0, len(names)), _dtype(output))
    flat = values.reshape(len(values), -1) if len(values) else values.reshape(0, len(names))
    for i, name in enumerate(names):
        yield name, array_of(np.ascontiguousarray(flat[:, i]))


def array_of(values: NDArray[Any]) -> pa.Array:
    """Numbers, booleans or texts as an Arrow array.

    Numbers not by ``pa.array``: it loads pandas, a fifth of a second for each process.
    """
    import pyarrow as pa

    if values.dtype.kind in "iuf":
        kind = pa.from_numpy_dtype(values.dtype)
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])
    return pa.array(values, pa.string() if values.dtype.kind in "OUS" else None)


def _dtype(output: Output) -> np.dtype[np.generic]:
    return output.dtype.numpy
