"""Who met which variant when, and what came of it: joined by unit, whatever order it comes in.

An outcome counts when it happened at or after the unit's first exposure and within the window that
the experiment names. One that is handed in twice counts once. A unit that met two variants says
nothing of either and is left out; how many did is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from seatrial.experiments.design import Experiment, Kind
from seatrial.experiments.entries import OutcomeChanged
from seatrial.experiments.tally import DAY_S, BadUnits, Labelled, Tally, Units, tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A unit met a variant.

    Args:
        unit: key of the user or session.
        variant: name.
        at: when, aware.
        covariates: known of the unit from before, by name; those of its first exposure count.
        segments: likewise, by name.
    """

    unit: str
    variant: str
    at: datetime
    covariates: Mapping[str, float] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Something came of a unit.

    Args:
        id: the same when it is handed in again.
        unit: key of the user or session.
        metric: name of a metric, or of a denominator.
        value: added to the unit's others; for a share anything but 0 is the event.
        at: when it happened, aware; not when it was handed in.
    """

    id: str
    unit: str
    metric: str
    value: float
    at: datetime


def joined(
    experiment: Experiment,
    exposures: Iterable[Exposure],
    outcomes: Iterable[Outcome],
    *,
    now: datetime | None = None,
    slice_s: int = DAY_S,
) -> Tally:
    """Add up what came of units.

    Args:
        now: with a window, units whose window is not over are not counted yet; None counts all.
    Raises: OutcomeChanged; BadUnits: a variant or metric that the experiment does not have.
    """
    first, crossed = _first(experiment, exposures)
    totals, n_unexposed = _totals(experiment, first, crossed, outcomes, now)
    counted = [
        one for unit, one in first.items() if unit not in crossed and _is_over(experiment, one, now)
    ]
    found = tally(experiment, _units(experiment, counted, totals), slice_s=slice_s)
    return Tally(
        slices=found.slices,
        slice_s=found.slice_s,
        sums=found.sums,
        segments=found.segments,
        n_crossed=len(crossed),
        n_unexposed=n_unexposed,
    )


def _first(
    experiment: Experiment, exposures: Iterable[Exposure]
) -> tuple[dict[str, Exposure], set[str]]:
    """The first exposure of each unit, and the units that met two variants."""
    names = {variant.name for variant in experiment.variants}
    first: dict[str, Exposure] = {}
    crossed: set[str] = set()
    for one in exposures:
        if one.variant not in names:
            raise BadUnits(
                f"{one.unit!r} met {one.variant!r}, which is no variant of {experiment.name!r}.",
                remedy=f"Name one of: {', '.join(sorted(names))}.",
                variant=one.variant,
            )
        known = first.setdefault(one.unit, one)
        if known.variant != one.variant:
            crossed.add(one.unit)
        if one.at < known.at:
            first[one.unit] = one
    return first, crossed


def _totals(
    experiment: Experiment,
    first: Mapping[str, Exposure],
    crossed: set[str],
    outcomes: Iterable[Outcome],
    now: datetime | None,
) -> tuple[dict[str, dict[str, float]], int]:
    """Sums by metric and unit, and outcomes of units that were not exposed before."""
    totals = {name: dict[str, float]() for name in _summed(experiment)}
    seen: dict[str, Outcome] = {}
    n_unexposed = 0
    for one in outcomes:
        if one.metric not in totals:
            raise BadUnits(
                f"The outcome {one.id!r} is of {one.metric!r}, no metric of {experiment.name!r}.",
                remedy=f"Name one of: {', '.join(totals)}.",
                metric=one.metric,
            )
        if (before := seen.get(one.id)) is not None:
            if before != one:
                raise OutcomeChanged(
                    f"The outcome {one.id!r} was handed in before with another content.",
                    remedy="Give each outcome an id of its own, and a correction the difference.",
                    id=one.id,
                )
            continue
        seen[one.id] = one
        exposure = first.get(one.unit)
        if exposure is None or one.at < exposure.at:
            n_unexposed += one.unit not in crossed
        elif _counts(experiment, exposure, one, now):
            of_metric = totals[one.metric]
            of_metric[one.unit] = of_metric.get(one.unit, 0.0) + one.value
    return totals, n_unexposed


def _counts(
    experiment: Experiment, exposure: Exposure, outcome: Outcome, now: datetime | None
) -> bool:
    if now is not None and outcome.at > now:
        return False
    window = experiment.window_s
    return window is None or outcome.at < exposure.at + timedelta(seconds=window)


def _is_over(experiment: Experiment, exposure: Exposure, now: datetime | None) -> bool:
    """Whether all that can count of a unit has happened."""
    if now is None:
        return True
    return exposure.at + timedelta(seconds=experiment.window_s or 0.0) <= now


def _summed(experiment: Experiment) -> list[str]:
    """Names that outcomes may have: metrics and denominators."""
    names = [metric.name for metric in experiment.metrics]
    names += [metric.denominator for metric in experiment.metrics if metric.denominator]
    return list(dict.fromkeys(names))


def _units(
    experiment: Experiment, counted: list[Exposure], totals: Mapping[str, Mapping[str, float]]
) -> Units:
    places = {variant.name: place for place, variant in enumerate(experiment.variants)}
    values = {
        name: np.array([of_metric.get(one.unit, 0.0) for one in counted], np.float64)
        for name, of_metric in totals.items()
    }
    for metric in experiment.metrics:
        if metric.kind is Kind.SHARE:
            values[metric.name] = (values[metric.name] != 0).astype(np.float64)
        if metric.covariate is not None:
            name = metric.covariate
            known = [one.covariates.get(name, np.nan) for one in counted]
            values[name] = np.array(known, np.float64)
    naive = [np.datetime64(int(one.at.timestamp() * 1e6), "us") for one in counted]
    return Units(
        variant=np.array([places[one.variant] for one in counted], np.intp),
        values=values,
        at=np.array(naive, "datetime64[us]"),
        segments=_segments(counted),
    )


def _segments(counted: list[Exposure]) -> dict[str, Labelled]:
    found = {}
    for name in dict.fromkeys(name for one in counted for name in one.segments):
        given = [one.segments.get(name) for one in counted]
        values = tuple(sorted({value for value in given if value is not None}))
        places = {value: place for place, value in enumerate(values)}
        codes = [-1 if value is None else places[value] for value in given]
        found[name] = Labelled(codes=np.array(codes, np.intp), values=values)
    return found
