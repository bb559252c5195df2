"""Counters as they are scraped: numbers that grow, and begin again where a process did."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def growth(values: Sequence[float], *, from_zero: bool) -> float:
    """How much a counter grew over its readings, none of which is lost to a restart.

    Args:
        values: readings in their order, each >= 0; may be empty.
        from_zero: the counter was born with the first of them, which counts whole.
    Returns: >= 0. A reading below the one before it is what was counted since a restart.
    Example:
        >>> growth([5, 7, 2, 3], from_zero=False)
        5
    """
    if not values:
        return 0
    grown = sum(b - a if b >= a else b for a, b in pairwise(values))
    return grown + (values[0] if from_zero else 0)
