"""Rows of a file to a batch that fits a signature, and what is wrong with the others.

Values are checked by the same code that checks a request (`serving.column`), so a row that a server
would refuse is refused here, for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.sample_arrays import tensor_of
from seatrial.registry.signature import WHOLE, Batch, Column, Dtype, Feature, Signature
from seatrial.serving.column import Values, column
from seatrial.serving.exchange import BadInput
from seatrial.serving.scoring import Flaw

if TYPE_CHECKING:
    import pyarrow as pa

_LEAST = 64
_CACHED = 4_096
"""Rows that are turned at once: a block of them stays in the processor's cache."""


@dataclass(slots=True, kw_only=True)
class Rows:
    """The rows of a piece.

    Args:
        n: how many, bad ones included.
        values: of each feature, as far as rows could be parsed at all.
        kept: further columns to hand through, as Arrow arrays of as many rows as ``values``.
        flaws: of rows that could not be parsed, by row.
    """

    n: int
    values: Mapping[str, Values]
    kept: Mapping[str, pa.Array]
    flaws: dict[int, Flaw] = field(default_factory=dict)

    def parsed(self) -> NDArray[np.int64]:
        """Which rows ``values`` has, ascending."""
        return np.setdiff1d(np.arange(self.n), list(self.flaws), assume_unique=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A batch, and the rows that are not in it.

    Args:
        batch: None where no row is good.
        rows: the row of each of the batch, ascending.
        flaws: of all others, by row.
    """

    batch: Batch | None
    rows: NDArray[np.int64]
    flaws: dict[int, Flaw]


def checked(rows: Rows, signature: Signature) -> Checked:
    """The rows that fit a signature as a batch, and why the others do not."""
    at, flaws = rows.parsed(), dict(rows.flaws)
    n = len(at)
    if (sound := _sound(rows, signature)) is not None:
        return Checked(batch=sound, rows=at, flaws=flaws)
    good = np.ones(n, np.bool_)
    columns: dict[str, Column] = {}
    values: dict[str, Values] = {}
    for feature in signature.features:
        known = None
        if feature.categories is not None:
            known = frozenset[object](feature.categories)
        values[feature.name] = _plain(rows.values[feature.name], feature)
        judged = _judged(feature, values[feature.name], n, known)
        if isinstance(judged, np.ndarray):
            columns[feature.name] = judged
            continue
        for row, problem in judged.items():
            good[row] = False
            flaws.setdefault(int(at[row]), _flaw(int(at[row]), problem))
    if not good.any():
        return Checked(batch=None, rows=at[:0], flaws=flaws)
    if not good.all():
        kept = np.flatnonzero(good)
        columns = {
            feature.name: columns[feature.name][kept]
            if feature.name in columns
            else column(feature, _take(values[feature.name], kept))
            for feature in signature.features
        }
    batch: Batch = columns
    if signature.matrix:
        batch = _turned([columns[name] for name in signature.names], signature.matrix_dtype)
    return Checked(batch=batch, rows=at[good], flaws=flaws)


def _sound(rows: Rows, signature: Signature) -> Column | None:
    """The matrix of all rows, where one look at it shows that each of them is good; else None."""
    values = [rows.values[feature.name] for feature in signature.features]
    arrays = [v for v in values if isinstance(v, np.ndarray) and v.dtype.kind in "fiu" and len(v)]
    if (
        not signature.matrix
        or signature.matrix_dtype.kind != "f"
        or len(arrays) < len(values)
        or any(feature.categories is not None for feature in signature.features)
    ):
        return None
    matrix = _turned(arrays, signature.matrix_dtype)
    nullable = all(feature.nullable for feature in signature.features)
    bad = np.isinf(matrix).any() if nullable else not np.isfinite(matrix).all()
    return None if bad else matrix


def _turned(columns: Sequence[NDArray[Any]], dtype: np.dtype[np.generic]) -> Column:
    """Columns as a matrix (n, d); some rows at once, which the processor's cache holds."""
    n = len(columns[0])
    matrix = np.empty((n, len(columns)), dtype)
    with np.errstate(over="ignore"):  # what overflows is found as infinite
        for at in range(0, n, _CACHED):
            some = slice(at, at + _CACHED)
            matrix[some] = np.stack([c[some] for c in columns], dtype=dtype, casting="unsafe").T
    return matrix


def _judged(
    feature: Feature, values: Values, n: int, known: frozenset[object] | None
) -> Column | dict[int, BadInput]:
    """The column, or what is wrong with each row that does not fit.

    Looks at all rows at once; behind a bad row at about as many as lay before it, so that a few bad
    rows cost little, and many not more than a few looks at each row.
    """
    bad: dict[int, BadInput] = {}
    start, size, found = 0, n, None
    while start < n:
        try:
            found = column(feature, values[start : start + size], known)
            start += size
            size *= 2
        except BadInput as problem:
            row = problem.facts.get("row")
            row = row if isinstance(row, int) else 0
            if row and not _fits(feature, values[start : start + row], known):
                size = row  # one fault is looked for after another, and the later row had the first
                continue
            bad[start + row] = problem
            start += row + 1
            size = max(2 * row, _LEAST)
    if bad:
        return bad
    return column(feature, values, None) if found is None else found


def _plain(values: Values, feature: Feature) -> Values:
    """Values out of lists of one, row by row: no row depends on how others are written."""
    if feature.shape or not isinstance(values, list) or list not in set(map(type, values)):
        return values
    return [v[0] if isinstance(v, list) and len(v) == 1 else v for v in values]


def _fits(feature: Feature, values: Values, known: frozenset[object] | None) -> bool:
    try:
        column(feature, values, known)
    except BadInput:
        return False
    return True


def _flaw(row: int, problem: BadInput) -> Flaw:
    before, _, after = problem.problem.rpartition(f" in row {problem.facts.get('row')}")
    name = problem.facts.get("field")
    return Flaw(
        row=row,
        code=problem.code,
        problem=before + after,
        field=name if isinstance(name, str) else None,
    )


def _take(values: Values, rows: NDArray[np.intp]) -> Values:
    return values[rows] if isinstance(values, np.ndarray) else [values[i] for i in rows.tolist()]


def values_of(array: pa.Array, feature: Feature) -> Values:
    """An Arrow array as numpy's, or as a list where it holds what numpy cannot."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if feature.shape:
        tensor = tensor_of(array)
        return array.to_pylist() if tensor is None else tensor
    if pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
        kind = array.type
    if (pa.types.is_integer(kind) or pa.types.is_boolean(kind)) and array.null_count:
        return list(array.to_pylist())
    if kind in (pa.float32(), pa.float64()) and array.null_count:
        array = array.fill_null(float("nan"))
    elif not pa.types.is_primitive(kind):
        return _objects(array.to_pylist())
    return numbers_of(array)


def numbers_of(array: pa.Array) -> NDArray[Any]:
    """An array of a primitive type as numpy's.

    Not by ``to_numpy`` where that can be: it may load pandas, a fifth of a second for each process.
    """
    import pyarrow as pa

    if array.null_count == 0 and (
        pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
    ):
        return np.from_dlpack(array)
    values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def _objects(values: Sequence[object]) -> NDArray[Any]:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def _whole(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


_READ: Mapping[Dtype, Callable[[str], object]] = {
    **dict.fromkeys((one for one in Dtype if one.floating), float),
    **dict.fromkeys(WHOLE, _whole),
    Dtype.BOOL: lambda text: {"true": True, "1": True, "false": False, "0": False}[text.lower()],
    Dtype.STRING: str,
}


def parsed_text(feature: Feature, text: bytes | None) -> object:
    """One field of a text file as the feature's type.

    Returns: what it says where it is none of that type, for the check that follows to refuse; None
        where nothing stands there.
    """
    if text is None:
        return None
    try:
        said = text.decode()
    except UnicodeDecodeError:
        return text
    if feature.dtype is not Dtype.STRING and ("_" in said or not said.isascii()):
        return said  # Python would read 1_000 as a number
    try:
        return _READ[feature.dtype](said.strip() if feature.dtype is not Dtype.STRING else said)
    except (ValueError, KeyError, OverflowError):
        return said
