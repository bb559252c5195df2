"""Which segments are written anew, so that they stay few and hold little that is dead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_FACTOR = 8
"""So many segments of like size become one: each document is written log8 of all times."""

_N_MAGNITUDES = 3
_DEAD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class PartSize:
    """How large a segment is, and how much of it counts.

    Args:
        n_bytes: of text and vectors of the documents that count.
        dead_share: documents that do not, in [0, 1].
    """

    n_bytes: int
    dead_share: float


def groups_to_rewrite(parts: Sequence[PartSize], full_bytes: int) -> list[list[int]]:
    """Places of parts that become one segment each.

    Parts of half the full size and more are left alone until half of their documents are dead.

    Args:
        full_bytes: the largest segment that is made of several, > 0.
    """
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    groups = []
    for place, part in enumerate(parts):
        if part.dead_share > _DEAD_SHARE:
            groups.append([place])
        elif part.n_bytes < full_bytes / 2:
            by_size[_magnitude(part.n_bytes, full_bytes)].append(place)
    for places in by_size.values():
        if len(places) >= _FACTOR:
            groups += _filled(places, parts, full_bytes)
    return groups


def _magnitude(n: int, full_bytes: int) -> int:
    """How many times a size can be multiplied before it is full; the smallest are alike."""
    magnitude = 0
    while magnitude < _N_MAGNITUDES and n * _FACTOR <= full_bytes:
        n *= _FACTOR
        magnitude += 1
    return magnitude


def _filled(places: Sequence[int], parts: Sequence[PartSize], full_bytes: int) -> list[list[int]]:
    """The same places in order, cut where a group is full; groups of one are left out."""
    groups: list[list[int]] = [[]]
    room = full_bytes
    for place in places:
        if parts[place].n_bytes > room:
            groups.append([])
            room = full_bytes
        groups[-1].append(place)
        room -= parts[place].n_bytes
    return [group for group in groups if len(group) > 1]
