"""Fewer bins out of many: neighbours are joined until each holds about the same share.

A histogram of 1,024 reference quantiles is fine for quantiles and KS; evidence that is gathered
bin by bin wants about 32. Joining is a sum, so a coarse histogram is as additive as a fine one.

Bins in order are joined in one of two ways. `firsts` cuts where quantiles lie, as PSI and its usual
limits are meant: a value that many rows share takes the place of several groups. `neighbours` finds
as many groups as it may beside such a value, so that the evidence in them is not lost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seatrial.stats.counts import BadStatistic

Floats = NDArray[np.float64]
Groups = NDArray[np.intp]


def neighbours(reference: NDArray[np.number], n_groups: int) -> Groups:
    """Which fine bins to join, for a column whose bins are in order.

    Args:
        reference: shape (k,), counts >= 0 of the reference in bins ordered by value.
        n_groups: >= 1.

    Returns: shape (k,), the group of each bin, ascending from 0 without gaps; at most ``n_groups``
        of them, each with about the same share of the reference. A bin is never cut, so a value
        that many rows share keeps a group for itself and its neighbours share what is left.
    Raises: BadStatistic.
    """
    counts = _checked(reference, n_groups)
    if len(counts) <= n_groups:
        return np.arange(len(counts))
    if not counts.any():
        counts = np.ones_like(counts)
    alone = _larger_than_a_share(counts, n_groups)
    if not alone.any():
        return _even(counts, n_groups)
    groups = np.zeros(len(counts), dtype=np.intp)
    left, n_alone = float(counts[~alone].sum()), int(alone.sum())
    group, held, n_inside, closed = 0, 0.0, 0, False
    for i, (count, large) in enumerate(zip(counts.tolist(), alone.tolist(), strict=True)):
        share = left / max(1, n_groups - group - n_alone)
        ends = n_inside and (large or closed or (held > 0 and held + count / 2 > share))
        if ends and group < n_groups - 1:
            left, group, held, n_inside = left - held, group + 1, 0.0, 0
        groups[i] = group
        n_inside, closed, n_alone = n_inside + 1, large, n_alone - large
        held += 0.0 if large else count
    return groups


def _even(counts: Floats, n_groups: int) -> Groups:
    """`neighbours` where no bin fills a group by itself: each group's end is looked up."""
    before = np.concatenate([[0.0], np.cumsum(counts)])
    middles = before[:-1] + counts / 2
    firsts = [0]
    while len(firsts) < n_groups:
        held_before = before[firsts[-1]]
        share = (before[-1] - held_before) / (n_groups - len(firsts) + 1)
        # Past its middle a bin belongs to the next group, but none is left without rows.
        filled = np.searchsorted(before, held_before, side="right")
        first = max(int(np.searchsorted(middles, held_before + share, side="right")), int(filled))
        if first >= len(counts):
            break
        firsts.append(first)
    starts = np.zeros(len(counts), dtype=np.intp)
    starts[firsts[1:]] = 1
    return np.cumsum(starts)


def _larger_than_a_share(counts: Floats, n_groups: int) -> NDArray[np.bool_]:
    """Bins that fill a group by themselves, whatever the others are joined to."""
    alone = np.zeros(len(counts), dtype=np.bool_)
    while (n_left := n_groups - int(alone.sum())) > 1:
        more = ~alone & (counts > counts[~alone].sum() / n_left)
        if not more.any():
            break
        alone |= more
    return alone


def largest(reference: NDArray[np.number], n_groups: int, *, least: float = 0) -> Groups:
    """Which bins to join, for a column of names: the largest stay, the others are dealt out.

    A name stays by itself when it fills a group. Of those that do not, the first by count would be
    those that luck favoured in the reference, and fewer of their rows would come than it says. So
    each group gets frequent and rare ones alike.

    Args:
        reference, n_groups: as for `neighbours`.
        least: rows that a name by itself must have, and that groups of others have on average; of
            rare names it is chance which have a row.
    Returns: shape (k,), as for `neighbours`, but names by themselves first, by falling count; equal
        counts keep their order.
    Raises: BadStatistic.
    """
    counts = _checked(reference, n_groups)
    order = np.argsort(-counts, kind="stable")
    groups = np.empty(len(counts), dtype=np.intp)
    if len(counts) <= n_groups:
        groups[order] = np.arange(len(counts))
        return groups
    alone = _larger_than_a_share(counts, n_groups) & (counts >= least)
    n_alone, left = int(alone.sum()), counts[~alone]
    n_dealt = max(1, min(n_groups - n_alone, int(np.count_nonzero(left))))
    if least > 0:
        n_dealt = max(1, min(n_dealt, int(left.sum() // least)))
    dealt = _dealt(len(left), n_dealt)
    # A group without rows would be told to expect some.
    while n_dealt > 1 and not np.bincount(dealt, weights=np.sort(left)[::-1]).all():
        n_dealt -= 1
        dealt = _dealt(len(left), n_dealt)
    groups[order] = np.concatenate([np.arange(n_alone), n_alone + dealt])
    return groups


def _dealt(n: int, n_groups: int) -> Groups:
    """The group of each of n names, by falling count."""
    n_rounds, n_over = divmod(n, n_groups)
    there, at = np.divmod(np.arange(n_rounds * n_groups), n_groups)
    # To and fro, so that no group is always served first.
    dealt = np.where(there % 2 == 0, at, n_groups - 1 - at)
    # Who gets one more gets it from the middle, where counts are neither by good luck nor by bad.
    return np.insert(dealt, len(dealt) // 2, np.arange(n_over))


def firsts(reference: NDArray[np.integer], n_groups: int) -> Groups:
    """Where to cut bins in order into at most so many groups, at the quantiles of the reference.

    Args:
        reference: shape (k,), counts >= 0 of the reference in bins ordered by value, k >= 1.
        n_groups: >= 1.
    Returns: first bin of each group, ascending from 0, for ``np.add.reduceat``. Bins that are empty
        in the reference never make a group of their own.
    """
    total = reference.sum()
    if total == 0:
        return np.zeros(1, np.intp)
    reached = np.cumsum(reference) / total * n_groups
    # A bin belongs to the group in which its middle lies, so that a frequent value stays alone.
    middles = reached - reference / total * n_groups / 2
    group = np.minimum(middles.astype(np.intp), n_groups - 1)
    filled = np.flatnonzero(reference)
    found = filled[np.flatnonzero(np.diff(group[filled], prepend=-1))]
    found[0] = 0
    return found


def firsts_inside(reference: NDArray[np.integer], n_groups: int) -> Groups:
    """As `firsts`, but the outermost bins, beyond the reference's range, stay by themselves.

    Args: as for `firsts`; ``n_groups`` are of the bins between those two.
    """
    if len(reference) <= 2:
        return np.arange(len(reference))
    inside = 1 + firsts(reference[1:-1], n_groups)
    return np.concatenate([[0], inside, [len(reference) - 1]])


def _checked(reference: NDArray[np.number], n_groups: int) -> Floats:
    counts = np.asarray(reference, dtype=np.float64)
    if n_groups < 1 or counts.ndim != 1 or not np.all(np.isfinite(counts) & (counts >= 0)):
        raise BadStatistic(
            f"A reference of shape {counts.shape} cannot be joined into {n_groups} bins.",
            remedy="Give one row of counts >= 0, and ask for at least one bin.",
        )
    return counts
