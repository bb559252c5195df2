"""Rows to score in numpy's files of arrays: which array is which input, and pieces of their rows.

A piece is the bytes of its rows, one array behind the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.scoring.table import array_of
from seatrial.adapters.tables import array_file
from seatrial.adapters.tables.array_file import Header
from seatrial.registry.signature import Dtype, Feature, Signature
from seatrial.serving.column import Values
from seatrial.serving.scoring import Bytes, InputUnfit, Piece

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE_BYTES: Final = 64 << 20
"""Of a piece at most, or a row: images are large."""
_LISTED: Final = 12
_KINDS: Final = {Dtype.STRING: "U", Dtype.BOOL: "b"}


def sources_of(
    path: Path, found: Mapping[str, Header], signature: Signature, kept: Sequence[str]
) -> tuple[str, ...]:
    """The array of each feature, or the one that has all of them side by side.

    The only array is the input of a model that has one, whatever their names.
    Raises: InputUnfit.
    """
    absent = [name for name in (*signature.names, *kept) if name not in found]
    others = [name for name in found if name not in kept]
    if len(others) == 1 and absent and not set(absent) & set(kept):
        (one,) = others
        side_by_side = len(signature.names) > 1 and not signature.has_tensors
        if side_by_side and found[one].shape[1:] == (len(signature.names),):
            _check_kinds(path, one, found[one], signature.features)
            return _counted(path, found, (one, *kept), 1)
        if len(signature.names) == 1:
            absent = []
            signature = replace(
                signature, features=(replace(signature.features[0], name=one),), named=True
            )
    if absent:
        raise InputUnfit(
            f"{path.name} has no array {absent[0]!r}.",
            remedy=f"It has: {', '.join(list(found)[:_LISTED]) or 'none'}. Save one array for each "
            "input under its name, by numpy.savez.",
            field=absent[0],
        )
    for feature in signature.features:
        _check_shape(path, feature, found[feature.name])
        _check_kinds(path, feature.name, found[feature.name], (feature,))
    return _counted(path, found, (*signature.names, *kept), len(signature.names))


def _counted(
    path: Path, found: Mapping[str, Header], names: Sequence[str], n: int
) -> tuple[str, ...]:
    """The first ``n`` names, where all arrays have as many rows.   Raises: InputUnfit."""
    lengths = {name: found[name].n_rows for name in names}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length:,}" for name, length in list(lengths.items())[:_LISTED])
        raise InputUnfit(
            f"The arrays of {path.name} differ in their rows: {told}.",
            remedy="Give each input as an array with the rows in its first dimension.",
        )
    return tuple(names[:n])


def _check_shape(path: Path, feature: Feature, header: Header) -> None:
    shape = header.shape[1:]
    if not header.shape or (shape != feature.shape and not (not feature.shape and shape == (1,))):
        wanted = ", ".join(map(str, ("n", *feature.shape)))
        raise InputUnfit(
            f"The array {feature.name!r} of {path.name} has the shape {list(header.shape)}; the "
            f"model takes [{wanted}].",
            remedy="Give the rows in the shape the model was trained on, one row after the other.",
            field=feature.name,
        )


def _check_kinds(path: Path, name: str, header: Header, features: Sequence[Feature]) -> None:
    for feature in features:
        if header.dtype.kind not in _KINDS.get(feature.dtype, "fiu"):
            raise InputUnfit(
                f"The array {name!r} of {path.name} is {header.dtype}; the model takes "
                f"{feature.dtype}.",
                remedy="Save the rows with the same types as at training.",
                field=feature.name,
            )


def kept_types(
    path: Path, found: Mapping[str, Header], kept: Sequence[str]
) -> dict[str, pa.DataType]:
    """The types of arrays that are handed through, of one value a row.   Raises: InputUnfit."""
    import pyarrow as pa

    types = {}
    for name in kept:
        header = found[name]
        if len(header.shape) != 1 or header.dtype.kind not in "fiubU":
            raise InputUnfit(
                f"The array {name!r} of {path.name} is {header.dtype} of the shape "
                f"{list(header.shape)}, and cannot be kept.",
                remedy="Keep arrays of one number, boolean or text a row.",
                field=name,
            )
        text = header.dtype.kind == "U"
        types[name] = pa.string() if text else pa.from_numpy_dtype(_native(header.dtype))
    return types


def pieces_of(
    path: Path, found: Mapping[str, Header], names: Sequence[str], batch_rows: int
) -> Iterator[Piece]:
    """The rows of some arrays, piece by piece.   Raises: BadArrays."""
    total = found[names[0]].n_rows
    n = rows_of_piece(sum(found[name].row_bytes for name in names), batch_rows)
    sizes = (min(n, total - at) for at in range(0, total, n))
    position = 0
    for arrays in array_file.rows(path, names, sizes):
        position += len(arrays[0])
        blocks = [np.frombuffer(array.reshape(-1).data.cast("B"), np.uint8) for array in arrays]
        yield Piece(content=np.concatenate(blocks), position=position)


def rows_of_piece(row_bytes: int, batch_rows: int) -> int:
    """How many rows a piece has."""
    return max(1, min(batch_rows, _PIECE_BYTES // row_bytes))


def arrays_of(
    content: Bytes, layout: Sequence[tuple[str, str, tuple[int, ...]]]
) -> dict[str, NDArray[Any]]:
    """The arrays of a piece.

    Args: layout: name, dtype and shape of a row of each, in order.
    """
    sizes = [np.dtype(dtype).itemsize * prod(shape) for _, dtype, shape in layout]
    n, at, found = len(content) // sum(sizes), 0, {}
    for (name, dtype, shape), size in zip(layout, sizes, strict=True):
        array = content[at : at + n * size].view(dtype).reshape(n, *shape)
        found[name] = np.require(array.astype(_native(array.dtype), copy=False), requirements="A")
        at += n * size
    return found


def values_of(
    arrays: Mapping[str, NDArray[Any]], sources: Sequence[str], features: Sequence[Feature]
) -> dict[str, Values]:
    """The values of each feature, of its own array or of the one that has all of them."""
    columns = [arrays[source] for source in sources]
    if len(columns) < len(features):
        columns = list(columns[0].T)
    return {
        feature.name: _plain(column, feature)
        for column, feature in zip(columns, features, strict=True)
    }


def kept_of(array: NDArray[Any]) -> pa.Array:
    """An array to hand through."""
    return array_of(np.ascontiguousarray(array))


def _plain(column: NDArray[Any], feature: Feature) -> Values:
    if not feature.shape and column.ndim > 1:
        column = column[:, 0]
    return column.astype(object) if column.dtype.kind == "U" else column


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in this machine's order of bytes; of longer floats the longest that is written."""
    return (
        np.dtype(np.float64)
        if dtype.kind == "f" and dtype.itemsize > 8
        else dtype.newbyteorder("=")
    )
