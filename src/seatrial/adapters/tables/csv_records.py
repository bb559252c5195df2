"""Where the records of CSV text end: a line feed outside quotes.

A quote opens a field only where a field begins, and closes it only where one ends, so that an inch
sign within a field opens nothing.   Source: RFC 4180, 2.5 to 2.7.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_QUOTE: Final = 34
_LINE_FEED: Final = 10
_RETURN: Final = 13


def record_ends(block: bytes, delimiter: str) -> NDArray[np.intp]:
    """The places just after each line feed that ends a record.

    Args:
        block: begins with a record; every line feed and delimiter is one byte.
        delimiter: one character of ASCII.
    """
    raw = np.frombuffer(block, np.uint8)
    feeds = np.flatnonzero(raw == _LINE_FEED)
    quotes = np.flatnonzero(raw == _QUOTE)
    if not len(quotes):
        return np.asarray(feeds + 1, np.intp)
    turns = _turns(raw, quotes, ord(delimiter))
    inside = np.searchsorted(turns, feeds) % 2 == 1
    return np.asarray(feeds[~inside] + 1, np.intp)


def _turns(raw: NDArray[np.uint8], quotes: NDArray[np.intp], delimiter: int) -> NDArray[np.intp]:
    """The quotes that open or close a field, alternately."""
    gaps = np.flatnonzero(np.diff(quotes) != 1)
    first = quotes[np.concatenate(([0], gaps + 1))]
    last = quotes[np.concatenate((gaps, [len(quotes) - 1]))]
    odd = (last - first) % 2 == 0  # a doubled quote is text, an empty field opens and closes
    first, last = first[odd], last[odd]
    borders = np.zeros(256, bool)
    borders[[delimiter, _LINE_FEED, _RETURN]] = True
    opens = borders[raw[np.maximum(first - 1, 0)]] | (first == 0)
    closes = borders[raw[np.minimum(last + 1, len(raw) - 1)]] | (last == len(raw) - 1)
    if not (opens & closes).any() and opens[::2].all() and closes[1::2].all():
        return np.asarray(first, np.intp)
    turns, inside = [], False
    for at, may_open, may_close in zip(
        first.tolist(), opens.tolist(), closes.tolist(), strict=True
    ):
        if may_close if inside else may_open:
            turns.append(at)
            inside = not inside
    return np.array(turns, np.intp)
