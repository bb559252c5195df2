"""Metadata of many documents by field: a condition finds its documents without reading them.

A column lists the documents of each value; values lie in order, so equality and a range are each
one slice. What a condition means is what `conditions.satisfies` says.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.conditions import And, Condition, Equals, In, Not, Or, Range, Scalar
from seatrial.rag.text.document import Metadata

_N_BEHIND = 3
"""Codes behind those of texts and numbers: false, true, not a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """The documents of each value of one field.

    Args:
        texts, numbers: values in rising order, without repetition. The code of a text is its place,
            that of a number its place behind the texts; then follow false, true and NaN.
        bounds: int64 (n_codes + 1,): where the documents of each code begin.
        documents: int32 (n,): by code; those of one value rise.
    """

    texts: Sequence[str]
    numbers: Sequence[int | float]
    bounds: NDArray[np.int64]
    documents: NDArray[np.int32]

    @classmethod
    def of(cls, values: Sequence[tuple[Scalar, int]]) -> Column:
        """From pairs of a value and its document (>= 0)."""
        distinct = {value for value, _ in values if not isinstance(value, bool)}
        texts = sorted(value for value in distinct if isinstance(value, str))
        numbers = sorted(
            value for value in distinct if isinstance(value, int | float) and not _is_nan(value)
        )
        behind = len(texts) + len(numbers)
        code_of: dict[Scalar, int] = {value: code for code, value in enumerate([*texts, *numbers])}
        codes = np.fromiter(
            (
                behind + value if isinstance(value, bool) else code_of.get(value, behind + 2)
                for value, _ in values
            ),
            np.int64,
            len(values),
        )
        documents = np.fromiter((document for _, document in values), np.int32, len(values))
        order = np.lexsort((documents, codes))
        bounds = np.searchsorted(codes[order], np.arange(behind + _N_BEHIND + 1))
        return cls(texts=texts, numbers=numbers, bounds=bounds, documents=documents[order])

    def equal(self, value: Scalar) -> NDArray[np.int32]:
        """The documents that hold a value."""
        if isinstance(value, bool):
            code = len(self.texts) + len(self.numbers) + value
            return self._of_codes(code, code + 1)
        if _is_nan(value):
            return self.documents[:0]
        values, first = self._of_kind(value)
        return self._of_codes(
            first + bisect_left(values, value), first + bisect_right(values, value)
        )

    def between(self, bounds: Range) -> NDArray[np.int32]:
        """The documents with a value in a range; repeated where several of theirs are in it."""
        limits = [
            limit for limit in (bounds.gt, bounds.gte, bounds.lt, bounds.lte) if limit is not None
        ]
        if not limits:
            return self.documents
        if len({isinstance(limit, str) for limit in limits}) > 1 or any(map(_is_nan, limits)):
            return self.documents[:0]
        values, first = self._of_kind(limits[0])
        start, end = 0, len(values)
        if bounds.gte is not None:
            start = bisect_left(values, bounds.gte)
        if bounds.gt is not None:
            start = max(start, bisect_right(values, bounds.gt))
        if bounds.lte is not None:
            end = bisect_right(values, bounds.lte)
        if bounds.lt is not None:
            end = min(end, bisect_left(values, bounds.lt))
        return self._of_codes(first + start, first + max(start, end))

    def _of_kind(self, value: Scalar) -> tuple[Sequence[Any], int]:
        """The values that can be compared with one, and the code of the first."""
        return (self.texts, 0) if isinstance(value, str) else (self.numbers, len(self.texts))

    def _of_codes(self, start: int, end: int) -> NDArray[np.int32]:
        return self.documents[self.bounds[start] : self.bounds[end]]


def columns_of(metadata: Sequence[Metadata]) -> dict[str, Column]:
    """The columns of documents 0, 1, ..., by field."""
    values: defaultdict[str, list[tuple[Scalar, int]]] = defaultdict(list)
    for document, fields in enumerate(metadata):
        for field, value in fields.items():
            held = set(value) if isinstance(value, tuple) else (value,)
            values[field] += [(one, document) for one in held]
    return {field: Column.of(pairs) for field, pairs in values.items()}


def documents_holding(
    condition: Condition, column: Callable[[str], Column | None], n_documents: int
) -> NDArray[np.integer[Any]]:
    """The documents that satisfy a condition.

    Args:
        column: of a field; None where no document has it.
        n_documents: how many there are.
    Returns: whole numbers (n,), rising.
    """
    if isinstance(condition, Equals):  # needs no look at the others
        held = column(condition.field)
        return np.empty(0, np.int32) if held is None else held.equal(condition.value)
    return np.flatnonzero(_holding(condition, column, n_documents))


def _holding(
    condition: Condition, column: Callable[[str], Column | None], n_documents: int
) -> NDArray[np.bool_]:
    """Which documents satisfy a condition: bool (n_documents,)."""
    mask = np.zeros(n_documents, np.bool_)
    match condition:
        case Equals(field=field) | In(field=field) | Range(field=field):
            if (held := column(field)) is not None:
                for documents in _compared(held, condition):
                    mask[documents] = True
        case And(parts):
            mask[:] = True
            for part in parts:
                mask &= _holding(part, column, n_documents)
        case Or(parts):
            for part in parts:
                mask |= _holding(part, column, n_documents)
        case Not(part):
            np.logical_not(_holding(part, column, n_documents), out=mask)
        case _:
            assert_never(condition)
    return mask


def _compared(column: Column, condition: Equals | In | Range) -> list[NDArray[np.int32]]:
    match condition:
        case Equals(value=value):
            return [column.equal(value)]
        case In(values=values):
            return [column.equal(value) for value in values]
        case Range():
            return [column.between(condition)]
        case _:
            assert_never(condition)


def readable(
    groups: Column, restricted: NDArray[np.bool_], readers: frozenset[str]
) -> NDArray[np.bool_]:
    """Which documents a member of these groups may read.

    Args:
        groups: the access lists, as a column.
        restricted: which documents have one, be it empty.
    """
    mask = ~restricted
    for reader in readers:
        mask[groups.equal(reader)] = True
    return mask


def _is_nan(value: Scalar) -> bool:
    return isinstance(value, float) and isnan(value)
