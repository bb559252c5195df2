"""Names as the watch counts them: of numbers that mean classes, of words, and their hashes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Coded, Column

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_]+|\d+")


def coded(column: Column) -> Coded:
    """A column as names: numbers that mean classes are named as an integer where they are whole.

    Args: numbers or booleans, shape (n,), or names already.
    """
    if isinstance(column, Coded):
        return column
    present = ~np.isnan(column) if column.dtype.kind == "f" else np.ones(len(column), np.bool_)
    values, codes = np.unique(column[present], return_inverse=True)
    places = np.full(len(column), -1, np.int32)
    places[present] = codes
    return Coded(places, tuple(name_of(value) for value in values.tolist()))


def name_of(value: object) -> str:
    """The name of a class: ``2.0`` and ``2`` are both "2", True is "True"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def words(text: str) -> list[str]:
    """The words of a text in lower case; a Chinese or Japanese character is a word, a number too.

    Example:
        >>> words("Red wine, 2 bottles")
        ['red', 'wine', '2', 'bottles']
    """
    return _WORD.findall(text.lower())


def name_hash(name: str) -> int:
    """64 bits of a name, the same everywhere and always."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def name_hashes(names: Iterable[str]) -> NDArray[np.uint64]:
    """`name_hash` of each."""
    return np.array([name_hash(name) for name in names], np.uint64)
