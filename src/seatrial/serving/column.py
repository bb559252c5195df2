"""One feature's values, as a client sent them, to the column the model gets.

Conversions keep what was meant: integers become floats and whole floats integers, decimal fractions
are rounded to the feature's precision as any decimal literal is. Nothing else is converted: no
strings to numbers, no booleans to numbers, nothing out of range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import WHOLE, Column, Dtype, Feature
from seatrial.serving.exchange import BadInput, shown

Values: TypeAlias = Sequence[object] | NDArray[Any]
"""JSON values, or an array of any dtype: one per row."""

_WORD = {
    **dict.fromkeys((one for one in Dtype if one.floating), "a number"),
    **{one: f"an integer from {low} to {high}" for one, (low, high) in WHOLE.items()},
    Dtype.INT64: "an integer of 64 bits",
    Dtype.BOOL: "a boolean",
    Dtype.STRING: "a string",
}


def column(feature: Feature, values: Values, known: frozenset[object] | None = None) -> Column:
    """The values of one feature, checked.

    Args:
        known: the categories to insist on, or None for any value.
    Raises: BadInput: naming the feature, the row and the value.
    """
    if feature.shape:
        return _tensor(feature, values)
    plain = values if isinstance(values, np.ndarray) else _unwrapped(values)
    return _single(feature, plain, known)


def _single(feature: Feature, values: Values, known: frozenset[object] | None = None) -> Column:
    """One value a row."""
    if not isinstance(values, np.ndarray):
        reads = set(map(type, values)) <= _JSON_TYPES[feature.dtype]
        array = _FROM_JSON[feature.dtype](values) if reads else None
    else:
        array = _from_array(feature.dtype, values)
    if array is None:
        raise _misfit(feature, values)
    _check_missing(feature, array)
    if known is not None:
        _check_categories(feature, array, known)
    return array


def _tensor(feature: Feature, values: Values) -> Column:
    """The rows of a tensor, (n, *shape): nested lists, or an array of that shape."""
    one = replace(feature, shape=())
    flat = values.reshape(-1) if isinstance(values, np.ndarray) else _flattened(feature, values)
    shape = (len(values), *feature.shape)
    if isinstance(values, np.ndarray) and values.shape != shape:
        raise _misshapen(feature, f"has the shape {list(values.shape)}")
    try:
        return _single(one, flat).reshape(shape)
    except BadInput as error:
        found = error.facts.get("row")
        row, at = divmod(found if isinstance(found, int) else 0, feature.size)
        words = error.problem.replace(f"in row {found}", f"in row {row}, value {at} of the tensor")
        raise BadInput(words, remedy=error.remedy, field=feature.name, row=row) from error


def _flattened(feature: Feature, rows: Sequence[object]) -> list[object]:
    level: list[object] = list(rows)
    held = 1
    for size in feature.shape:
        for at, part in enumerate(level):
            if not isinstance(part, list) or len(part) != size:
                what = f"{len(part)} values" if isinstance(part, list) else shown(part)
                raise _misshapen(
                    feature, f"has {what} where {size} belong in row {at // held}", row=at // held
                )
        level = [value for part in level if isinstance(part, list) for value in part]
        held *= size
    return level


def _misshapen(feature: Feature, what: str, **facts: object) -> BadInput:
    return BadInput(
        f"Feature {shown(feature.name)} {what}.",
        remedy=f"Send each row's value in the shape {list(feature.shape)}; "
        f"n rows of it are [n, {', '.join(map(str, feature.shape))}].",
        field=feature.name,
        **facts,
    )


def check_finite(feature: Feature, array: NDArray[Any]) -> None:
    """Refuse infinity, and NaN where the feature is not nullable.   Raises: BadInput."""
    bad = np.isinf(array) if feature.nullable else ~np.isfinite(array)
    if bad.any():
        row = int(bad.argmax())
        if np.isnan(array[row]):
            raise _missing(feature, row)
        raise BadInput(
            f"Feature {shown(feature.name)} is infinite or too large for {feature.dtype} "
            f"in row {row}.",
            remedy="Send finite numbers within the range of the feature's type.",
            field=feature.name,
            row=row,
        )


def _check_missing(feature: Feature, array: Column) -> None:
    if array.dtype.kind == "f":
        check_finite(feature, array)
    elif array.dtype.kind == "O" and not feature.nullable:
        values = array.tolist()
        if None in values:
            raise _missing(feature, values.index(None))


def _check_categories(feature: Feature, array: Column, known: frozenset[object]) -> None:
    values = array.tolist()
    # None and NaN are missing values, not categories.
    strange = {v for v in set(values) - known if isinstance(v, str | int)}
    if strange:
        row = next(i for i, v in enumerate(values) if v in strange)
        listed = ", ".join(shown(c) for c in (feature.categories or ())[:10])
        more = ", ..." if len(feature.categories or ()) > 10 else ""
        raise BadInput(
            f"Feature {shown(feature.name)} has the unknown category {shown(values[row])} "
            f"in row {row}.",
            remedy=f"Send one of those seen in training: {listed}{more}.",
            field=feature.name,
            row=row,
        )


def _unwrapped(values: Sequence[object]) -> Sequence[object]:
    """Values out of lists of one: a column may be sent with shape (n, 1)."""
    if values and all(isinstance(v, list) and len(v) == 1 for v in values):
        return [v[0] for v in values if isinstance(v, list)]
    return values


_NUMBERS = frozenset({int, float})
_JSON_TYPES: dict[Dtype, frozenset[type]] = {
    **dict.fromkeys((one for one in Dtype if one.floating), _NUMBERS | {type(None)}),
    **dict.fromkeys(WHOLE, _NUMBERS),
    Dtype.BOOL: frozenset({bool}),
    # NaN is how pandas writes a missing string.
    Dtype.STRING: frozenset({str, float, type(None)}),
}


def _floats(dtype: Dtype) -> Callable[[Sequence[object]], Column | None]:
    def read(values: Sequence[object]) -> Column | None:
        try:
            wide = np.array(values, np.float64)  # None becomes NaN
        except OverflowError:
            return None
        return narrowed(wide, dtype.numpy)

    return read


def _integers(dtype: Dtype) -> Callable[[Sequence[object]], Column | None]:
    least, largest = dtype.bounds

    def read(values: Sequence[object]) -> Column | None:
        whole: list[int] = []
        for value in values:
            if isinstance(value, float) and not value.is_integer():
                return None
            number = int(value)  # type: ignore[call-overload]
            if not least <= number <= largest:
                return None
            whole.append(number)
        return np.array(whole, dtype.numpy)

    return read


def _strings(values: Sequence[object]) -> Column | None:
    array = np.empty(len(values), object)
    array[:] = values
    for row, value in enumerate(values):
        if isinstance(value, float):
            if not math.isnan(value):
                return None
            array[row] = None
    return array


_FROM_JSON: dict[Dtype, Callable[[Sequence[object]], Column | None]] = {
    **{one: _floats(one) for one in Dtype if one.floating},
    **{one: _integers(one) for one in WHOLE},
    Dtype.BOOL: lambda values: np.array(values, np.bool_),
    Dtype.STRING: _strings,
}


def _from_array(dtype: Dtype, array: NDArray[Any]) -> Column | None:
    """The array as a column, or None when its kind or a value does not fit."""
    kind = array.dtype.kind
    if dtype.floating:
        return narrowed(array, dtype.numpy) if kind in "fiu" else None
    if dtype.whole:
        return _integral(array, dtype) if kind in "fiu" else None
    return array if kind == dtype.numpy.kind else None


def narrowed(array: NDArray[Any], dtype: np.dtype[Any]) -> Column:
    """Numbers as another type of numbers; what is too large for it becomes infinite."""
    with np.errstate(over="ignore"):  # what overflows is found as infinite
        return array.astype(dtype, copy=False)


def _integral(array: NDArray[Any], dtype: Dtype) -> Column | None:
    """Whole numbers in their type, or None when one has a fraction or is outside the range."""
    least, largest = dtype.bounds
    if array.dtype.kind == "f":
        array = array.astype(np.float64, copy=False)
        # 2**63 itself is no int64, and every float below it with no fraction is one.
        inside = (array >= float(least)) & (array < float(largest + 1))
        if not (inside & (np.trunc(array) == array)).all():
            return None
    elif (
        array.size
        and not np.can_cast(array.dtype, dtype.numpy)
        and (int(array.min()) < least or int(array.max()) > largest)
    ):
        return None
    return array.astype(dtype.numpy, copy=False)


def _misfit(feature: Feature, values: Values) -> BadInput:
    """The error for the first value that does not fit on its own."""
    for row in range(len(values)):
        value = values[row]
        if isinstance(values, np.ndarray):
            fits = _from_array(feature.dtype, values[row : row + 1]) is not None
            value = value.item() if isinstance(value, np.generic) else value
        else:
            fits = (
                type(value) in _JSON_TYPES[feature.dtype]
                and _FROM_JSON[feature.dtype]([value]) is not None
            )
        if not fits:
            break
    if value is None:
        return _missing(feature, row)
    return BadInput(
        f"Feature {shown(feature.name)} has {shown(value)} in row {row}, "
        f"which is not {_WORD[feature.dtype]}.",
        remedy=f"Send {_WORD[feature.dtype]}; the feature is {feature.dtype}.",
        field=feature.name,
        row=row,
    )


def _missing(feature: Feature, row: int) -> BadInput:
    return BadInput(
        f"Feature {shown(feature.name)} is missing in row {row}.",
        remedy="Send a value; the model was not trained with missing ones here.",
        field=feature.name,
        row=row,
    )
