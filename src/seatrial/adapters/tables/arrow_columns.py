"""One column of Arrow as the watch reads it: by its type, and by how it is asked for.

Numbers and booleans stay what they are and, where nothing is missing, where they are in memory.
Dates and times that are no row's own time become seconds since 1970, durations seconds, decimals
the nearest float. A vector is a list of numbers of one length; one of another length among them is
missing. What has no place in a table (bytes, maps, unions, lists of any length) is left out and
named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.values import coded_numbers, coded_texts, numbers_of, numpy_of
from seatrial.adapters.tables.vectors import lengths_of, lists_of_texts, width_of
from seatrial.monitoring.rows.columns import Kind
from seatrial.monitoring.rows.source import SourceProblem
from seatrial.monitoring.rows.table import Coded, Column

if TYPE_CHECKING:
    import pyarrow as pa

_EXACT: Final = 2**53
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def to_column(
    array: pa.Array, name: str, kind: Kind | None, where: str
) -> tuple[Column | None, tuple[SourceProblem, ...]]:
    """One column of a table; None for a type that has no place in one.

    Args: its values; its name; how to read it; of problems.
    """
    problems: list[SourceProblem] = []
    return _Reading(name, where, problems).column(array, kind), tuple(problems)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One column on its way; what is wrong with it goes to ``problems``."""

    name: str
    where: str
    problems: list[SourceProblem]

    def column(self, array: pa.Array, kind: Kind | None) -> Column | None:
        import pyarrow as pa

        array = _plain(array)
        for is_of, read in _READERS:
            if is_of(array.type):
                return read(self, array, kind)
        if pa.types.is_null(array.type):
            return _no_values(len(array), kind)
        self.problems.append(
            SourceProblem(
                flaw="type",
                where=self.where,
                column=self.name,
                message=f"The column {self.name!r} holds {array.type}, which the watch cannot "
                "read; it is left out.",
            )
        )
        return None

    def number(self, array: pa.Array, kind: Kind | None) -> Column:
        import pyarrow as pa

        if kind == "name":
            return coded_numbers(array)
        if not array.null_count:
            return numpy_of(array)
        if pa.types.is_integer(array.type):
            values: NDArray[np.int64] = np.asarray(numpy_of(array.fill_null(0)))
            n_large = int(np.count_nonzero((values > _EXACT) | (values < -_EXACT)))
            if n_large:
                self._inexact(n_large)
            floats = values.astype(np.float64)
            floats[_null_mask(array)] = np.nan
            return floats
        if pa.types.is_float16(array.type):
            array = array.cast(pa.float32())
        return numpy_of(array.fill_null(np.nan))

    def boolean(self, array: pa.Array, kind: Kind | None) -> Column:
        import pyarrow as pa

        if kind == "name":
            return coded_numbers(array)
        if not array.null_count:
            return numpy_of(array)
        floats = numpy_of(array.cast(pa.int8()).fill_null(0)).astype(np.float64)
        floats[_null_mask(array)] = np.nan
        return floats

    def decimal(self, array: pa.Array, kind: Kind | None) -> Column:
        import pyarrow as pa

        if kind == "name":
            return coded_texts(array.cast(pa.string()))
        return numpy_of(array.cast(pa.float64(), safe=False).fill_null(np.nan))

    def text(self, array: pa.Array, kind: Kind | None) -> Column | None:
        if kind == "embedding":
            lists, n_bad, example = lists_of_texts(_decoded(array))
            if n_bad:
                shown = f"no list of numbers, such as {str(example)[:40]!r}"
                self.problems.append(bad_values(self.name, self.where, n_bad, shown))
            return self.vector(lists, kind)
        coded = coded_texts(array)
        if kind != "number":
            return coded
        numbers, n_bad, example = numbers_of(coded)
        if n_bad:
            self.problems.append(
                bad_values(self.name, self.where, n_bad, f"no number, such as {example!r}")
            )
        return numbers

    def time(self, array: pa.Array, kind: Kind | None) -> Column:
        import pyarrow as pa

        if kind == "name":
            return coded_texts(array.cast(pa.string()))
        if pa.types.is_date32(array.type):
            array, unit_s = array.cast(pa.int32()), 86_400.0
        elif pa.types.is_date64(array.type):
            array, unit_s = array.cast(pa.int64()), 1e-3
        else:
            unit_s = _SECONDS[array.type.unit]
            array = array.cast(pa.int32() if pa.types.is_time32(array.type) else pa.int64())
        seconds = numpy_of(array.fill_null(0)).astype(np.float64) * unit_s
        seconds[_null_mask(array)] = np.nan
        return seconds

    def vector(self, array: pa.Array, kind: Kind | None) -> Column | None:
        kept = array.drop_null()
        inner = _plain(kept.flatten())
        if kind == "name" or not _is_number(inner.type):
            self._no_vector(array.type)
            return None
        if not len(kept) and len(array):
            return _no_values(len(array), kind)
        lengths = lengths_of(kept)
        width = width_of(lengths, named=kind == "embedding")
        if width.common is None:
            several = f"lists of {width.least} to {width.most} values"
            self._no_vector(several if width.most else "empty lists")
            return None
        missing = _null_mask(array)
        if width.n_other:
            whole = lengths == width.common
            kept = kept.filter(_mask(whole))
            inner = _plain(kept.flatten())
            missing[~missing] = ~whole
            self.problems.append(
                bad_values(
                    self.name,
                    self.where,
                    width.n_other,
                    f"of {width.least} to {width.most} numbers instead of {width.common}",
                )
            )
        rows = np.asarray(self.number(inner, None)).reshape(-1, width.common)
        if not missing.any():
            return rows
        out = np.full((len(array), width.common), np.nan, np.result_type(rows.dtype, np.float32))
        out[~missing] = rows
        return out

    def _no_vector(self, what: object) -> None:
        self.problems.append(
            SourceProblem(
                flaw="type",
                where=self.where,
                column=self.name,
                message=f"The column {self.name!r} holds {what}, not vectors of numbers of one "
                "length; it is left out.",
            )
        )

    def _inexact(self, n: int) -> None:
        self.problems.append(
            SourceProblem(
                flaw="inexact",
                where=self.where,
                column=self.name,
                n=n,
                message=f"{n} integers beyond 2^53 in {self.name!r} became the nearest float, "
                "since others of it are missing.",
            )
        )


def _mask(kept: NDArray[np.bool_]) -> pa.Array:
    import pyarrow as pa

    return pa.array(kept)


def _decoded(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _null_mask(array: pa.Array) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = numpy_of(array.is_null()).astype(bool)
    return mask


def _no_values(n: int, kind: Kind | None) -> Column:
    # A column of nothing but missing values bears no type; a number is what most columns are.
    if kind == "name":
        return Coded(np.full(n, -1, np.int32), ())
    return np.full(n, np.nan)


def bad_values(name: str, where: str, n: int, what: str) -> SourceProblem:
    """That some values of a column could not be read, and what they are."""
    return SourceProblem(
        flaw="value",
        where=where,
        column=name,
        n=n,
        message=f"{n} {'value' if n == 1 else 'values'} of {name!r} "
        f"{'is' if n == 1 else 'are'} {what}; counted as missing.",
    )


def _plain(array: pa.Array) -> pa.Array:
    """Without extension types, run-end encoding, and dictionaries of anything but text."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_run_end_encoded(array.type):
        import pyarrow.compute as pc  # takes 0.05 s, and hardly any data need it

        array = pc.run_end_decode(array)
    if pa.types.is_dictionary(array.type) and not _is_text(array.type.value_type):
        array = array.dictionary_decode()
    return array


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _is_boolean(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_boolean(kind))


def _is_decimal(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_decimal(kind))


def _is_time(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_timestamp(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists, of one length or of any."""
    import pyarrow as pa

    return bool(
        pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    )


_READERS: Final[
    tuple[
        tuple[
            Callable[[pa.DataType], bool],
            Callable[[_Reading, pa.Array, Kind | None], Column | None],
        ],
        ...,
    ]
] = (
    (_is_number, _Reading.number),
    (_is_text, _Reading.text),
    (_is_boolean, _Reading.boolean),
    (_is_time, _Reading.time),
    (_is_decimal, _Reading.decimal),
    (is_list, _Reading.vector),
)
