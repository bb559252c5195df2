"""Sums of units: the same in one piece or in many, and refused where values are wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from experiment_units import REVENUE, SHARE, an_experiment, part, some_units

from seatrial.experiments.design import BadExperiment, Kind, Metric
from seatrial.experiments.tally import BadUnits, Tally, tally


def same(one: Tally, other: Tally) -> None:
    assert one.slices.tolist() == other.slices.tolist()
    assert one.sums.n.tolist() == other.sums.n.tolist()
    for name, sums in one.sums.metrics.items():
        assert sums.y == pytest.approx(other.sums.metrics[name].y)
        assert sums.xy == pytest.approx(other.sums.metrics[name].xy)
    assert set(one.segments) == set(other.segments)
    for key, segment in one.segments.items():
        assert segment.n.tolist() == other.segments[key].n.tolist()


def test_parts_add_up_to_the_whole() -> None:
    units, experiment = some_units(3_000), an_experiment()
    whole = tally(experiment, units)
    parts = [tally(experiment, part(units, slice(i, None, 3))) for i in range(3)]
    same(parts[2] + parts[0] + parts[1], whole)
    # Days that one part has and the other does not.
    early, late = (tally(experiment, part(units, rows)) for rows in (slice(900), slice(900, None)))
    assert len(early.slices) < len(whole.slices)
    same(early + late, whole)
    same(late + early, whole)


def test_sums_are_those_of_the_units() -> None:
    units, experiment = some_units(2_000), an_experiment()
    found = tally(experiment, units, slice_s=3_600)
    chosen = (units.variant == 1) & (units.segments["country"].codes == 0)
    segment = found.segments["country", "de"].metrics["bought"].over(0)
    assert segment.n[1] == chosen.sum()
    assert segment.y[1] == units.values["bought"][chosen].sum()
    assert found.slices[0] == units.at.min().astype("datetime64[h]")
    assert found.sums.n.sum() == 2_000


def test_units_without_times_are_one_slice() -> None:
    found = tally(an_experiment(), replace(some_units(100), at=None))
    assert (found.sums.n.shape, found.slice_s) == ((1, 2), 0)
    with pytest.raises(BadUnits, match="Slices"):
        found + tally(an_experiment(), some_units(100))


def test_a_segment_that_a_part_does_not_have_is_kept() -> None:
    units, experiment = some_units(100), an_experiment()
    without = replace(units, segments={})
    together = tally(experiment, units) + tally(experiment, without)
    alone = tally(experiment, units)
    assert together.segments["country", "fr"].n.sum() == alone.segments["country", "fr"].n.sum()


@pytest.mark.parametrize(
    ("metric", "column", "value", "says"),
    [
        (SHARE, "bought", np.nan, "1 units have no number for 'bought'"),
        (SHARE, "bought", 2.0, "one of its values is 2"),
        (SHARE, "bought", np.inf, "no number"),
        (REVENUE, "before", np.inf, "infinite"),
        (
            Metric(name="revenue", kind=Kind.RATIO, denominator="latency_ms"),
            "latency_ms",
            -1.0,
            "below 0",
        ),
    ],
)
def test_a_value_that_is_wrong_is_named(
    metric: Metric, column: str, value: float, says: str
) -> None:
    units = some_units(50)
    units.values[column][7] = value
    metrics = (SHARE, metric) if metric is not SHARE else (SHARE,)
    with pytest.raises(BadUnits, match=says):
        tally(an_experiment(metrics=metrics), units)


def test_a_column_that_is_not_there_is_named() -> None:
    units = some_units(50)
    with pytest.raises(BadExperiment, match="'clicks' is not in the data"):
        tally(an_experiment(metrics=(SHARE, Metric(name="clicks"))), units)


def test_a_unit_without_a_time_is_refused_among_others_with_one() -> None:
    units = some_units(50)
    assert units.at is not None
    units.at[3] = np.datetime64("NaT")
    with pytest.raises(BadUnits, match="1 units have no time"):
        tally(an_experiment(), units)
