"""Sums of an experiment by time slice, variant and metric: all that its judgement needs.

Tallies of different units add up, whoever made them; a unit is in one of them only. A unit belongs
to the slice of its first exposure, with all that came of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seatrial.experiments.comparing import MetricSums
from seatrial.experiments.design import BadExperiment, Experiment, Kind, Metric
from seatrial.kernel.errors import Invalid
from seatrial.stats.comoments import Comoments
from seatrial.stats.ratio_comoments import RatioComoments

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

DAY_S = 86_400


class BadUnits(Invalid):
    """Values of units that a metric cannot be made of."""

    code = "experiment.bad_units"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labelled:
    """A segment of every unit: a place in ``values``, -1 where it is not known."""

    codes: NDArray[np.integer]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """Units with what came of them, one row each.

    Args:
        variant: shape (n,), place among the experiment's variants.
        values: by column, shape (n,): of metrics, denominators and covariates. NaN is a covariate
            that is not known; of a metric, it is an error.
        at: first exposure, shape (n,), datetime64, UTC; None where that is not known.
        segments: by name.
    """

    variant: NDArray[np.integer]
    values: Mapping[str, Floats]
    at: Times | None = None
    segments: Mapping[str, Labelled] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """Sums by slice and variant.

    Args:
        n: units, shape (slices, variants).
        metrics: by name, the same shape.
    """

    n: Floats
    metrics: Mapping[str, MetricSums]

    def __add__(self, other: Sums) -> Sums:
        names = self.metrics
        return Sums(
            n=self.n + other.n,
            metrics={name: _added(names[name], other.metrics[name]) for name in names},
        )

    def spread(self, places: Sequence[int], n_slices: int) -> Sums:
        """The same slices at other places among ``n_slices``."""
        n = np.zeros((n_slices, self.n.shape[1]))
        n[list(places)] = self.n
        return Sums(
            n=n,
            metrics={name: one.spread(places, n_slices) for name, one in self.metrics.items()},
        )

    def until(self, end: int) -> Sums:
        """The first slices."""
        return Sums(n=self.n[:end], metrics={name: m[:end] for name, m in self.metrics.items()})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """What is known of an experiment.

    Args:
        slices: their beginnings, ascending, shape (slices,), datetime64[s]; one at the epoch where
            times are not known.
        slice_s: their length; 0 where times are not known.
        sums: of all units.
        segments: of those with a value in a column, by column and value.
        n_crossed: units seen in two variants, which are left out.
        n_unexposed: outcomes without an exposure before them, which are left out.
    """

    slices: Times
    slice_s: int
    sums: Sums
    segments: Mapping[tuple[str, str], Sums] = field(default_factory=dict)
    n_crossed: int = 0
    n_unexposed: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together.   Raises: BadUnits: their slices are of different lengths."""
        if self.slice_s != other.slice_s:
            raise BadUnits(
                f"Slices of {self.slice_s} s and of {other.slice_s} s do not add up.",
                remedy="Make both tallies with slices of one length.",
            )
        slices = np.union1d(self.slices, other.slices)
        parts = [(t, np.searchsorted(slices, t.slices).tolist()) for t in (self, other)]

        def joined(found: Sequence[Sums | None]) -> Sums:
            spread = [
                sums.spread(places, len(slices))
                for sums, (_, places) in zip(found, parts, strict=True)
                if sums is not None
            ]
            return spread[0] if len(spread) == 1 else spread[0] + spread[1]

        keys = dict.fromkeys((*self.segments, *other.segments))
        return Tally(
            slices=slices,
            slice_s=self.slice_s,
            sums=joined([self.sums, other.sums]),
            segments={key: joined([t.segments.get(key) for t, _ in parts]) for key in keys},
            n_crossed=self.n_crossed + other.n_crossed,
            n_unexposed=self.n_unexposed + other.n_unexposed,
        )


def tally(experiment: Experiment, units: Units, *, slice_s: int = DAY_S) -> Tally:
    """Add up units.

    Args: slice_s: length of a slice, > 0; slices begin at multiples of it since the epoch.
    Raises: BadUnits: a value is missing or not what its metric is made of.
    """
    slices, places = _slices(units.at, len(units.variant), slice_s)
    shape = (len(slices), len(experiment.variants))
    groups = places * shape[1] + units.variant
    columns = {metric.name: _columns(metric, units) for metric in experiment.metrics}

    def summed(rows: NDArray[np.intp] | slice) -> Sums:
        chosen = groups[rows]
        return Sums(
            n=np.bincount(chosen, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64),
            metrics={
                name: _grouped(chosen, shape, tuple(column[rows] for column in found))
                for name, found in columns.items()
            },
        )

    return Tally(
        slices=slices,
        slice_s=0 if units.at is None else slice_s,
        sums=summed(slice(None)),
        segments={
            (name, value): summed(rows)
            for name, labels in units.segments.items()
            for code, value in enumerate(labels.values)
            if len(rows := np.flatnonzero(labels.codes == code))
        },
    )


def _slices(at: Times | None, n: int, slice_s: int) -> tuple[Times, NDArray[np.intp]]:
    if at is None:
        return np.zeros(1, "datetime64[s]"), np.zeros(n, np.intp)
    if np.isnat(at).any():
        raise BadUnits(
            f"{int(np.isnat(at).sum()):,} units have no time of exposure.",
            remedy="Give every unit the time at which it first met its variant, or none of them.",
        )
    seconds = at.astype("datetime64[s]").astype(np.int64)
    starts, places = np.unique(seconds // slice_s, return_inverse=True)
    return (starts * slice_s).astype("datetime64[s]"), places.reshape(-1)


def _added(one: MetricSums, other: MetricSums) -> MetricSums:
    if isinstance(one, RatioComoments) and isinstance(other, RatioComoments):
        return one + other
    assert isinstance(one, Comoments)  # both are of one metric
    assert isinstance(other, Comoments)
    return one + other


def _grouped(
    groups: NDArray[np.integer], shape: tuple[int, ...], columns: tuple[Floats, ...]
) -> MetricSums:
    """Sums of a metric's columns: value, and where it has them denominator and covariate."""
    match columns:
        case (y, below, known):
            return RatioComoments.grouped(groups, shape, y, below, known)
        case (y, x):
            return Comoments.grouped(groups, shape, y, x)
        case _:
            return Comoments.grouped(groups, shape, columns[0])


def _columns(metric: Metric, units: Units) -> tuple[Floats, ...]:
    values = _column(metric.name, units)
    lacking = int((~np.isfinite(values)).sum())
    if lacking:
        raise BadUnits(
            f"{lacking:,} units have no number for {metric.name!r}.",
            remedy="Write 0 where nothing came of a unit, and mend what is wrong.",
            column=metric.name,
        )
    if metric.kind is Kind.SHARE and not np.isin(values, (0.0, 1.0)).all():
        odd = values[~np.isin(values, (0.0, 1.0))][0]
        raise BadUnits(
            f"{metric.name!r} is a share, and one of its values is {odd:g}.",
            remedy="Write 1 for units with the event and 0 for others, or make it a mean.",
            column=metric.name,
        )
    values_and: tuple[Floats, ...] = (values,)
    if metric.denominator is not None:
        below = _column(metric.denominator, units)
        if not np.isfinite(below).all() or (below < 0).any():
            raise BadUnits(
                f"{metric.denominator!r}, the denominator of {metric.name!r}, is missing or below "
                "0 for some units.",
                remedy="Give every unit a number of at least 0.",
                column=metric.denominator,
            )
        values_and = (values, below)
    if metric.covariate is None:
        return values_and
    known = _column(metric.covariate, units)
    if np.isinf(known).any():
        raise BadUnits(
            f"The covariate {metric.covariate!r} is infinite for some units.",
            remedy="Leave it empty where it is not known.",
            column=metric.covariate,
        )
    return (*values_and, known)


def _column(name: str, units: Units) -> Floats:
    if name not in units.values:
        raise BadExperiment(
            f"The metric or covariate {name!r} is not in the data.",
            remedy=f"Name one of: {', '.join(units.values) or 'none'}.",
            column=name,
        )
    return np.asarray(units.values[name], dtype=np.float64)
