"""JSON Lines of numbers, all lines of a piece at once: the short way for pieces without any doubt.

What it reads, reading line by line reads the same. Anything it might read otherwise, it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

_PLAIN: Final = frozenset((str, int, bool, type(None)))
"""Types of what is handed through, whose text is the same whoever reads them."""
_MAX_INT: Final = 2**63


@dataclass(frozen=True, slots=True)
class Columns:
    """Args: numbers: shape (n, sources). kept: values of each column to hand through."""

    numbers: NDArray[np.float64]
    kept: list[list[object]]


def columns(content: bytes, sources: tuple[str, ...], kept: tuple[str, ...]) -> Columns | None:
    """Numbers by name, null and absent ones as NaN; None where a line is not plainly such.

    Args: kept: names of further values.
    """
    lines = content.strip(b"\n")
    n = _n_objects(lines)
    if n is None:
        return None
    decoder, numbers_of = _reader(sources, kept)
    try:
        records = decoder.decode_lines(lines)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if len(records) != n:
        return None
    handed = [list(map(attrgetter(f"k{at}"), records)) for at in range(len(kept))]
    if not all(map(_has_one_text, handed)):
        return None
    rows = list(map(numbers_of, records))
    numbers = np.array(rows, np.float64).reshape(n, len(sources))
    return Columns(np.asfortranarray(numbers), handed)


def _n_objects(lines: bytes) -> int | None:
    """How many lines there are, where each has what may be one object, and no field that is skipped
    can be unsound: no escapes, no control characters, and UTF-8. Else None."""
    if not (lines.startswith(b"{") and lines.endswith(b"}")) or b"\\" in lines:
        return None
    raw = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(raw < ord(" "))  # line feeds, if all of them are
    if not (raw[ends] == ord("\n")).all():
        return None
    if not ((raw[ends - 1] == ord("}")) & (raw[ends + 1] == ord("{"))).all():
        return None
    try:
        return len(ends) + 1 if lines.isascii() or lines.decode() else None
    except UnicodeDecodeError:
        return None


def _has_one_text(values: Sequence[object]) -> bool:
    return set(map(type, values)) <= _PLAIN and all(
        abs(value) < _MAX_INT for value in values if isinstance(value, int)
    )


@cache
def _reader(
    sources: tuple[str, ...], kept: tuple[str, ...]
) -> tuple[msgspec.json.Decoder[Any], Any]:
    """Decodes a line to a record, and takes the numbers out of it."""
    names = {f"n{at}": name for at, name in enumerate(sources)}
    others = {f"k{at}": name for at, name in enumerate(kept)}
    record = msgspec.defstruct(
        "Record",
        [*((n, float | None, None) for n in names), *((n, Any, None) for n in others)],
        rename=names | others,
        gc=False,
    )
    return msgspec.json.Decoder(record), attrgetter(*names)
