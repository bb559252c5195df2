"""Texts in pieces that no word goes across, found in their bytes: of many texts most pieces are
equal, and need be split into words once."""

from __future__ import annotations

import string
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_LOWERED = bytes(range(256)).lower()
_APART, _INSIDE, _IN_NUMBERS = range(3)


def _kinds() -> NDArray[np.uint8]:
    """Per byte whether it is between pieces, inside one, or inside between digits only."""
    kinds = np.full(256, _APART, np.uint8)
    kinds[128:] = _INSIDE
    for mark in string.ascii_letters + string.digits + "_'+#":  # don't, c++, c#
        kinds[ord(mark)] = _INSIDE
    for mark in ".,:":  # 3.5, 1,000, 10:30
        kinds[ord(mark)] = _IN_NUMBERS
    return kinds


_KINDS = _kinds()
_MAY_BE_DIGIT = np.array([byte > 127 or chr(byte).isdigit() for byte in range(256)])


class Pieces(NamedTuple):
    """Pieces of a text.

    Args:
        text: UTF-8, as long as it was given, its ASCII letters small.
        starts, ends: int64 (n,): where each piece begins and ends in it, rising.
    """

    text: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def pieces(text: bytes) -> Pieces:
    """The pieces of a text in UTF-8: its words (`seatrial.rag.text.words`) are those of its pieces.

    They are parted by all ASCII that no word contains, so that text in scripts without spaces stays
    in long ones.
    """
    text = text.translate(_LOWERED)
    data = np.frombuffer(text, np.uint8)
    kinds = _KINDS[data]
    inside = np.zeros(len(data) + 2, np.bool_)
    np.equal(kinds, _INSIDE, out=inside[1:-1])
    marks = np.flatnonzero(kinds == _IN_NUMBERS)
    marks = marks[(marks > 0) & (marks < len(data) - 1)]
    inside[1 + marks[_MAY_BE_DIGIT[data[marks - 1]] & _MAY_BE_DIGIT[data[marks + 1]]]] = True
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return Pieces(text, edges[::2], edges[1::2])
