"""Two summaries of one column side by side: every measure that fits its kind.

What the measures mean, and whether there is evidence enough, is `drift/compare.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.drift.severity import Severity, graded
from seatrial.monitoring.summaries.embedding import moments_of, sample_of
from seatrial.monitoring.summaries.profile import (
    Categorical,
    ColumnProfile,
    Embedding,
    Numeric,
    Text,
)
from seatrial.monitoring.summaries.summary import ColumnSummary, Embeddings, Names, Numbers, Texts
from seatrial.stats.coarse import firsts_inside
from seatrial.stats.divergence import (
    Divergence,
    chi_square,
    jensen_shannon,
    ks_from_counts,
    psi,
)
from seatrial.stats.margins import same_names

N_BINS = 10
"""Groups of like reference shares that PSI compares: what its thresholds are used with."""

ROWS_A_BIN = 20
"""Fewer make the tail of PSI too thin (measured: 34 % instead of 5 % at 10 rows a bin)."""

_MET_OFTEN = 10
_MET_SURELY = 100

Counts = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One distribution of a column, compared. Measures are None where there are too few rows.

    Args:
        name: empty for the column itself, else ``length``, ``vocabulary``, ``axis 1``, ...
        reference, current: rows by group.
        same_names: p-value of names as before, see `stats.margins`; None for numbers.
    """

    name: str
    reference: tuple[float, ...]
    current: tuple[float, ...]
    psi: Divergence | None = None
    js: Divergence | None = None
    chi_square: Divergence | None = None
    ks: Divergence | None = None
    same_names: float | None = None

    @property
    def p_value(self) -> float:
        """That nothing differs, by the better of the tests made; 1 without any."""
        if self.same_names is not None:
            return self.same_names
        tests = [test.p_value for test in (self.psi, self.ks) if test is not None]
        return min(1.0, len(tests) * min(tests)) if tests else 1.0


def compare_columns(
    profile: ColumnProfile,
    reference: ColumnSummary,
    current: ColumnSummary,
    ks: Divergence | None = None,
) -> tuple[Part, ...]:
    """The parts of a column, compared; both summaries against this profile.

    Args: ``ks``: the exact distance of the raw values, where they were at hand.
    """
    match profile, reference, current:
        case Numeric(), Numbers(), Numbers():
            return (_numbers("", reference, current, ks),)
        case Categorical(), Names(), Names():
            return (_names("", profile, reference, current),)
        case Text(), Texts(), Texts():
            return (
                _numbers("length", reference.length, current.length),
                _vocabulary(profile.vocabulary, reference, current),
            )
        case Embedding(), Embeddings(), Embeddings():
            pairs = zip(reference.places, current.places, strict=True)
            return (
                _numbers("distance", reference.distance, current.distance),
                *(_numbers(f"axis {i}", a, b) for i, (a, b) in enumerate(pairs, start=1)),
            )
    return ()


def summary_of(profile: ColumnProfile) -> ColumnSummary:
    """The profile's own sample, as a window would be counted."""
    match profile:
        case Numeric():
            return _numbers_of(profile)
        case Categorical():
            return _names_of(profile)
        case Text():
            return Texts(
                n_missing=profile.n_missing,
                length=_numbers_of(profile.length),
                vocabulary=_names_of(profile.vocabulary),
            )
        case Embedding():
            return Embeddings(
                n_missing=profile.n_missing,
                n_invalid=profile.n_invalid,
                places=tuple(_numbers_of(place) for place in profile.places),
                distance=_numbers_of(profile.distance),
                moments=moments_of(profile),
                sample=sample_of(profile),
            )


def grouped(
    reference: Counts, current: Counts, firsts: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows by group, neighbours joined until each has `ROWS_A_BIN` rows on the smaller side.

    How many rows a group has is taken from the reference, since choosing by the window would choose
    what chance made large. But a group that grew threefold to so many stands by itself: a rare
    value that became frequent is what one looks for.
    """
    if len(reference) == 0:
        return np.zeros(0), np.zeros(0)
    r = np.add.reduceat(reference, firsts).astype(np.float64)
    c = np.add.reduceat(current, firsts).astype(np.float64)
    n, m = r.sum(), c.sum()
    smaller = min(n, m)
    if smaller == 0:
        return r, c
    expected, found = r / n * smaller, c / m * smaller
    grown = (found >= ROWS_A_BIN) & (found >= 3 * expected)
    alone = (expected >= ROWS_A_BIN) | grown
    groups_r, groups_c = r[alone].tolist(), c[alone].tolist()
    open_r = open_c = 0.0
    for one_r, one_c in zip(r[~alone].tolist(), c[~alone].tolist(), strict=True):
        open_r, open_c = open_r + one_r, open_c + one_c
        if open_r / n * smaller >= ROWS_A_BIN:
            groups_r.append(open_r)
            groups_c.append(open_c)
            open_r = open_c = 0.0
    if groups_r:
        groups_r[-1] += open_r
        groups_c[-1] += open_c
    else:
        groups_r, groups_c = [open_r], [open_c]
    return np.array(groups_r), np.array(groups_c)


def _numbers(
    name: str, reference: Numbers, current: Numbers, exact: Divergence | None = None
) -> Part:
    r, c = grouped(reference.counts, current.counts, firsts_inside(reference.counts, N_BINS))
    ks = exact
    if ks is None and r.sum() and c.sum():
        ks = ks_from_counts(reference.counts, current.counts)
    return _part(name, r, c, ks)


def _names(name: str, profile: Categorical, reference: Names, current: Names) -> Part:
    r, c = name_counts(profile, reference, current)
    part = _part(name, *grouped(r, c, np.arange(len(r))), None)
    return replace(part, same_names=_same_names(reference, current))


def _same_names(reference: Names, current: Names, parts: tuple[float, float] = (1, 1)) -> float:
    """Args: ``parts``: which part of the rows of either side is independent."""
    counted = int(reference.counts.min()) if len(reference.counts) else 0
    return same_names(
        reference.counts.astype(np.float64) * parts[0],
        current.counts.astype(np.float64) * parts[1],
        uncounted=(
            (reference.n_other + reference.n_new) * parts[0],
            (current.n_other + current.n_new) * parts[1],
        ),
        newcomers=[n * parts[1] for n in current.newcomers.values()],
        least=math.ceil((counted if reference.n_other else min(1, counted)) * parts[0]),
    )


def name_counts(
    profile: Categorical, reference: Names, current: Names
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows by name, in the order of the alphabet, and last the rare and new names together.

    The names that a sample met often owe some of that to chance: of 1,000 equally frequent names,
    those met most would seem to become rarer. So names met less than ``often`` are one group with
    the new ones, and that group is to be expected to have the rows of all names met up to
    ``often`` times, ``often`` included; the names above it lose as many.

    Source: Good 1953, Biometrika 40:237: names met k times have (k + 1) n_(k+1) / n of the whole.
    """
    order = np.argsort(np.array(list(profile.counts), dtype=np.str_), kind="stable")
    r, c = reference.counts[order].astype(np.float64), current.counts[order].astype(np.float64)
    often = _MET_OFTEN
    if reference.n_other and len(r):
        often = max(often, int(r.min()) + 1)
    kept = r >= often
    pool_r = float(r[~kept].sum()) + reference.n_other + reference.n_new
    pool_c = float(c[~kept].sum()) + current.n_other + current.n_new
    r, c = r[kept], c[kept]
    if pool_r == 0 and len(r):
        c[-1] += pool_c
        return r, c
    moved = float(r[r == often].sum())
    uncertain = r < _MET_SURELY
    if moved:
        r[uncertain] *= 1 - moved / float(r[uncertain].sum())
    return np.append(r, pool_r + moved), np.append(c, pool_c)


def _vocabulary(profile: Categorical, reference: Texts, current: Texts) -> Part:
    """Words count as if each text had one: those of one text say little more than one does."""
    r, c = name_counts(profile, reference.vocabulary, current.vocabulary)
    parts = (
        min(1.0, reference.length.n_present / max(1.0, r.sum())),
        min(1.0, current.length.n_present / max(1.0, c.sum())),
    )
    part = _part("vocabulary", *grouped(r * parts[0], c * parts[1], np.arange(len(r))), None)
    same = _same_names(reference.vocabulary, current.vocabulary, parts)
    return replace(part, same_names=same)


def _part(name: str, r: NDArray[np.float64], c: NDArray[np.float64], ks: Divergence | None) -> Part:
    part = Part(name=name, reference=tuple(r.tolist()), current=tuple(c.tolist()), ks=ks)
    if min(r.sum(), c.sum()) < 2 * ROWS_A_BIN:
        return part
    return replace(part, psi=psi(r, c), js=jensen_shannon(r, c), chi_square=chi_square(r, c))


def _numbers_of(profile: Numeric) -> Numbers:
    return Numbers(
        counts=np.array(profile.counts, np.int64),
        n_missing=profile.n_missing,
        n_infinite=profile.n_infinite,
        lowest=profile.lowest,
        highest=profile.highest,
    )


def _names_of(profile: Categorical) -> Names:
    return Names(
        counts=np.array(list(profile.counts.values()), np.int64),
        n_missing=profile.n_missing,
        n_other=profile.n_other,
    )


def expected_new_share(profile: Categorical) -> float:
    """The share of rows with new names when nothing changes: names met once, over rows.

    Source: Good 1953, Biometrika 40:237; one more name, since none met once is no proof of none.
    """
    n = profile.n - profile.n_missing
    return min(1.0, (profile.n_once + 1) / (n + 1))


def graded_new(share: float, expected: float, limits: tuple[float, float]) -> Severity:
    """The severity of a share of new names: of what goes beyond the expected one.

    Where new names are usual, only half as many more, or twice as many, are news.
    """
    return graded(
        share - expected,
        warning=max(limits[0], expected / 2),
        critical=max(limits[1], expected),
    )


def missing_share(summary: ColumnSummary) -> float | None:
    """Share of rows without a value, infinite ones not counted; None without rows."""
    return summary.n_missing / summary.n if summary.n else None


def new_names(summary: ColumnSummary) -> tuple[int, Mapping[str, int]]:
    """Rows with names that the reference does not know, and some of them."""
    if isinstance(summary, Names):
        return summary.n_new, summary.newcomers
    return 0, {}
