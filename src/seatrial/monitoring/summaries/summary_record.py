"""The stored form of a summary: msgpack, with a version, at most 4 MiB."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid, LimitExceeded
from seatrial.monitoring.summaries.summary import (
    Columns,
    ColumnSummary,
    Embeddings,
    Names,
    Numbers,
    Summary,
    Texts,
)
from seatrial.stats.distinct import KEPT, Repeats
from seatrial.stats.vector_counts import Moments, RowSample, well_formed

SCHEMA = 2

MAX_BYTES = 4 * 2**20
"""What the store keeps in one record."""


class SummaryUnreadable(Invalid):
    """Bytes that are not a summary this version can read."""

    code = "monitoring.summary_unreadable"


class SummaryTooLarge(LimitExceeded):
    """A summary takes more bytes than a record may have."""

    code = "monitoring.summary_too_large"


class _Ints(msgspec.Struct, frozen=True, array_like=True):
    """Whole numbers >= 0 in as few bytes each as the largest needs, little-endian."""

    width: int
    raw: bytes


class _Numbers(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    counts: _Ints
    n_missing: int
    n_infinite: int
    lowest: float | None
    highest: float | None


class _Names(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    counts: _Ints
    n_missing: int
    n_other: int
    n_new: int
    newcomers: dict[str, int]


class _Texts(msgspec.Struct, frozen=True, array_like=True, tag="t"):
    n_missing: int
    length: _Numbers
    vocabulary: _Names


class _Embeddings(msgspec.Struct, frozen=True, array_like=True, tag="v"):
    n_missing: int
    n_invalid: int
    places: list[_Numbers]
    distance: _Numbers
    width: int
    n_half: list[int]
    sums: bytes
    hashes: bytes
    times: _Ints
    rows: bytes


_Column = _Numbers | _Names | _Texts | _Embeddings


class _Columns(msgspec.Struct, frozen=True, array_like=True):
    known: dict[str, _Column]
    absent: dict[str, int]
    misread: list[tuple[str, str, int]]
    strange: dict[str, int]


class _Summary(msgspec.Struct, frozen=True, array_like=True):
    n: int
    features: _Columns
    predictions: _Columns
    hashes: _Ints
    counts: _Ints
    first_us: int | None
    last_us: int | None
    n_untimed: int
    segments: dict[str, dict[str, _Summary]]


def encode(summary: Summary) -> bytes:
    """The bytes of a summary: the same for equal ones.   Raises: SummaryTooLarge."""
    data = msgspec.msgpack.encode((SCHEMA, _summary(summary)), order="deterministic")
    if len(data) > MAX_BYTES:
        raise SummaryTooLarge(
            f"The summary takes {len(data):,} bytes; a record may have {MAX_BYTES:,}.",
            remedy="Watch fewer columns, or split by fewer segments.",
            limit=MAX_BYTES,
        )
    return data


def decode(data: bytes) -> Summary:
    """The summary that was encoded.   Raises: SummaryUnreadable."""
    try:
        schema, rest = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
        if schema not in {1, SCHEMA}:  # the first had other measures of vectors
            raise _unreadable(f"its schema {schema} is unknown")
        return _read(msgspec.msgpack.decode(rest, type=_Summary))
    except (msgspec.DecodeError, ValueError) as error:
        raise _unreadable(str(error)) from error


def _summary(summary: Summary) -> _Summary:
    return _Summary(
        summary.n,
        _columns(summary.features),
        _columns(summary.predictions),
        _ints(summary.repeats.hashes),
        _ints(summary.repeats.counts),
        summary.first_us,
        summary.last_us,
        summary.n_untimed,
        {
            name: {value: _summary(part) for value, part in values.items()}
            for name, values in summary.segments.items()
        },
    )


def _columns(columns: Columns) -> _Columns:
    return _Columns(
        {name: _column(column) for name, column in columns.known.items()},
        dict(columns.absent),
        sorted((name, kind, n) for (name, kind), n in columns.misread.items()),
        dict(columns.strange),
    )


def _column(column: ColumnSummary) -> _Column:
    match column:
        case Numbers():
            return _numbers(column)
        case Names():
            return _names(column)
        case Texts():
            return _Texts(column.n_missing, _numbers(column.length), _names(column.vocabulary))
        case Embeddings():
            return _embeddings(column)


def _numbers(column: Numbers) -> _Numbers:
    return _Numbers(
        _ints(column.counts), column.n_missing, column.n_infinite, column.lowest, column.highest
    )


def _names(column: Names) -> _Names:
    return _Names(
        _ints(column.counts),
        column.n_missing,
        column.n_other,
        column.n_new,
        dict(column.newcomers),
    )


def _embeddings(column: Embeddings) -> _Embeddings:
    moments, sample = column.moments, column.sample
    return _Embeddings(
        column.n_missing,
        column.n_invalid,
        [_numbers(place) for place in column.places],
        _numbers(column.distance),
        moments.sums.shape[2],
        moments.n.tolist(),
        moments.sums.astype("<i8").tobytes(),
        sample.hashes.astype("<u8").tobytes(),
        _ints(sample.counts),
        sample.rows.astype("<i2").tobytes(),
    )


def _read(data: _Summary) -> Summary:
    hashes = _array(data.hashes).astype(np.uint64)
    counts = _array(data.counts).astype(np.int64)
    if len(hashes) != len(counts) or len(hashes) > KEPT:
        raise _unreadable("its row hashes do not fit their counts")
    return Summary(
        n=data.n,
        features=_read_columns(data.features),
        predictions=_read_columns(data.predictions),
        repeats=Repeats(hashes=hashes, counts=counts),
        first_us=data.first_us,
        last_us=data.last_us,
        n_untimed=data.n_untimed,
        segments={
            name: {value: _read(part) for value, part in values.items()}
            for name, values in data.segments.items()
        },
    )


def _read_columns(data: _Columns) -> Columns:
    return Columns(
        known={name: _read_column(column) for name, column in data.known.items()},
        absent=data.absent,
        misread={(name, kind): n for name, kind, n in data.misread},
        strange=data.strange,
    )


def _read_column(data: _Column) -> ColumnSummary:
    match data:
        case _Numbers():
            return _read_numbers(data)
        case _Names():
            return _read_names(data)
        case _Texts():
            return Texts(
                n_missing=data.n_missing,
                length=_read_numbers(data.length),
                vocabulary=_read_names(data.vocabulary),
            )
        case _Embeddings():
            return _read_embeddings(data)


def _read_embeddings(data: _Embeddings) -> Embeddings:
    moments = Moments(
        np.array(data.n_half, np.int64),
        np.frombuffer(data.sums, "<i8").reshape(2, 2, data.width),
    )
    sample = RowSample(
        np.frombuffer(data.hashes, "<u8"),
        _array(data.times).astype(np.int64),
        np.frombuffer(data.rows, "<i2").reshape(-1, data.width),
    )
    if not well_formed(moments, sample, data.width):
        raise _unreadable("the sums and the sample of its vectors do not fit")
    return Embeddings(
        n_missing=data.n_missing,
        n_invalid=data.n_invalid,
        places=tuple(_read_numbers(place) for place in data.places),
        distance=_read_numbers(data.distance),
        moments=moments,
        sample=sample,
    )


def _read_numbers(data: _Numbers) -> Numbers:
    return Numbers(
        counts=_array(data.counts).astype(np.int64),
        n_missing=data.n_missing,
        n_infinite=data.n_infinite,
        lowest=data.lowest,
        highest=data.highest,
    )


def _read_names(data: _Names) -> Names:
    return Names(
        counts=_array(data.counts).astype(np.int64),
        n_missing=data.n_missing,
        n_other=data.n_other,
        n_new=data.n_new,
        newcomers=data.newcomers,
    )


def _ints(values: NDArray[np.int64] | NDArray[np.uint64]) -> _Ints:
    most = int(values.max()) if len(values) else 0
    width = next(w for w in (1, 2, 4, 8) if most < 1 << 8 * w)
    return _Ints(width, values.astype(f"<u{width}").tobytes())


def _array(data: _Ints) -> NDArray[np.unsignedinteger]:
    if data.width not in {1, 2, 4, 8}:
        raise _unreadable(f"its counts are {data.width} bytes wide")
    return np.frombuffer(data.raw, f"<u{data.width}")


def _unreadable(why: str) -> SummaryUnreadable:
    return SummaryUnreadable(
        f"The stored summary cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it, or drop the window.",
    )
