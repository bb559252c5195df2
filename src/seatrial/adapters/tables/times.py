"""The time of each row, from whatever says it: timestamps, dates, epoch numbers, ISO 8601 texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.tables.values import coded_texts, numpy_of

if TYPE_CHECKING:
    import pyarrow as pa

Times = NDArray[np.datetime64]

_NAT: Final = np.iinfo(np.int64).min
_PER_UNIT: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_FIRST_US: Final = -62_135_596_800_000_000  # 0001-01-01
_END_US: Final = 253_402_300_800_000_000  # 10000-01-01
_QUARTER_US: Final = 900_000_000


def times_of(array: pa.Array, time_zone: str) -> tuple[Times, int]:
    """Times of rows in UTC.

    A plain number is an epoch, in seconds below 1e11, then in milliseconds below 1e14, then in
    microseconds below 1e17, then in nanoseconds.

    Args:
        array: any type.
        time_zone: of times that come without one.
    Returns: shape (n,), datetime64[us], NaT where missing or no time between the years 1 and 9999;
        how many values are no such time.
    """
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    kind = array.type
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        array, kind = array.dictionary_decode(), array.type.value_type
    if pa.types.is_timestamp(kind):
        us = _scaled(array.cast(pa.int64()), kind.unit)
        us = us if kind.tz else _localized(us, time_zone)
    elif pa.types.is_date(kind):
        us = _localized(_scaled(array.cast(pa.timestamp("ms")).cast(pa.int64()), "ms"), time_zone)
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        us = _epochs(array)
    elif pa.types.is_dictionary(kind) or pa.types.is_string(kind) or _is_wide_text(kind):
        us = _parsed(array, time_zone)
    else:
        us = np.full(len(array), _NAT, np.int64)
    us = np.where((us >= _FIRST_US) & (us < _END_US), us, _NAT)
    n_bad = int(np.count_nonzero(us == _NAT)) - _n_missing(array)
    return us.view("datetime64[us]"), n_bad


def _n_missing(array: pa.Array) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(array.type):
        return int(pc.sum(pc.is_null(array, nan_is_null=True)).as_py() or 0)
    if pa.types.is_dictionary(array.type):
        return int(np.count_nonzero(coded_texts(array).codes < 0))
    return int(array.null_count)


def _is_wide_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _scaled(array: pa.Array, unit: str) -> NDArray[np.int64]:
    values: NDArray[np.int64] = numpy_of(array.fill_null(_NAT))
    if unit == "ns":
        return np.where(values == _NAT, _NAT, values // 1_000)
    factor = _PER_UNIT[unit]
    fits = np.abs(values // 2) < _END_US // factor
    return np.where(fits, values, 0) * factor + np.where(fits, 0, _NAT)


def _epochs(array: pa.Array) -> NDArray[np.int64]:
    import pyarrow as pa

    if pa.types.is_integer(array.type) and array.type != pa.uint64():
        # Floats of today's nanoseconds are 256 ns apart, so integers stay integers.
        whole: NDArray[np.int64] = numpy_of(array.cast(pa.int64()).fill_null(_NAT))
        return _epochs_of_numpy(whole)
    floats: NDArray[np.float64] = numpy_of(array.cast(pa.float64(), safe=False).fill_null(np.nan))
    size = np.abs(floats)
    factor = np.select([size < 1e11, size < 1e14, size < 1e17], [1e6, 1e3, 1.0], 1e-3)
    us_f = floats * factor
    usable = np.abs(us_f) < float(_END_US)  # False for NaN
    return np.where(usable, np.rint(np.where(usable, us_f, 0)).astype(np.int64), _NAT)


def _epochs_of_numpy(whole: NDArray[np.int64]) -> NDArray[np.int64]:
    size = np.abs(whole.astype(np.float64))
    seconds = np.where(size < 1e11, whole, 0) * 1_000_000
    millis = np.where(size < 1e14, whole, 0) * 1_000
    us = np.select(
        [size < 1e11, size < 1e14, size < 1e17], [seconds, millis, whole], whole // 1_000
    )
    return np.where(whole == _NAT, _NAT, us)


def _parsed(array: pa.Array, time_zone: str) -> NDArray[np.int64]:
    coded = coded_texts(array)
    zone = ZoneInfo(time_zone)
    values = np.array([_instant(text, zone) for text in coded.values] + [_NAT], np.int64)
    return values[coded.codes]


def _instant(text: str, zone: ZoneInfo) -> int:
    text = text.strip()
    try:
        if text.isdecimal() and len(text) >= 9:  # eight digits are a date: 20260131
            return int(_epochs_of_numpy(np.array([int(text)], np.int64))[0])
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return _us(moment)
    except (ValueError, OverflowError):
        return _NAT


def _us(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _localized(us: NDArray[np.int64], time_zone: str) -> NDArray[np.int64]:
    """Local times as UTC; of an hour that a clock shows twice, the first.

    Offsets change on quarters of an hour, so one look-up for each quarter does.
    """
    if time_zone == "UTC" or not len(us):
        return us
    zone = ZoneInfo(time_zone)
    usable = (us >= _FIRST_US + 2 * 86_400_000_000) & (us < _END_US - 2 * 86_400_000_000)
    quarters, at = np.unique(np.where(usable, us, 0) // _QUARTER_US, return_inverse=True)
    offsets = np.array([_offset_us(int(q), zone) for q in quarters], np.int64)
    return np.where(usable, us - offsets[at], _NAT)


def _offset_us(quarter: int, zone: ZoneInfo) -> int:
    seconds = quarter * 900
    naive = datetime.fromordinal(719_163 + seconds // 86_400)
    moment = naive.replace(hour=seconds % 86_400 // 3600, minute=seconds % 3600 // 60, tzinfo=zone)
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) * 1_000_000
