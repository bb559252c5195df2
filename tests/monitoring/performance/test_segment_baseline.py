"""What segments are held against: silent where scores say nothing, the same for all who count."""

from __future__ import annotations

import numpy as np

from seatrial.monitoring.alerts.finding import Level
from seatrial.monitoring.performance.log_answers import log_answers, log_reference
from seatrial.monitoring.performance.rows import row_places, served_rows
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segment_judge import SegmentRules
from seatrial.monitoring.performance.segment_reference import segments_of
from seatrial.monitoring.performance.segment_sums import SegmentSums
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import Splits

TOWNS = ("Oslo", "Lima")


def table(seed: int, n: int = 2_000) -> Table:
    rng = np.random.default_rng(seed)
    p = rng.beta(0.5, 0.5, n)
    return Table(
        columns={
            "p": p,
            "said": (p > 0.5).astype(np.int64),
            "y": (rng.random(n) < p).astype(np.int64),
            "town": Coded(rng.integers(0, 2, n).astype(np.int32), TOWNS),
        },
        n=n,
    )


def made(columns: Columns) -> tuple[SegmentBaseline, SegmentSums]:
    """A baseline, and the sums of a window of it."""
    rows = table(1)
    served = log_reference(rows, columns, holdout=True)
    town = Table(columns={"town": rows.columns["town"]}, n=rows.n)
    splits = Splits(profile_of(town), ["town"])
    baseline = SegmentBaseline(
        splits=splits,
        known=segments_of(
            served.reference, splits, log_answers(rows, columns, served.reference).table
        ),
        served=served,
        rules=SegmentRules(performance=PerformanceRules(), budget_windows=500.0),
    )
    window = log_answers(table(2), columns, served.reference).table
    found = served_rows(window, served.reference, step=np.zeros(window.n, np.int64))
    counter = baseline.counter()
    return baseline, counter.both(found, counter.codes(window, row_places(found)))


def test_without_probabilities_labels_alone_say_something_of_segments() -> None:
    baseline, sums = made(Columns(prediction="said", label="y"))
    assert not baseline.estimates
    assert baseline.judged({0: sums}, labels=False, chance=0.01) == ()
    measured = baseline.judged({0: sums}, labels=True, chance=0.01)
    assert {one.value for one in measured} == set(TOWNS)


def test_what_is_told_bears_the_metric_the_budget_and_what_the_reference_is() -> None:
    baseline, sums = made(Columns(prediction="said", scores=("p",), label="y"))
    assert baseline.columns == ("town",)
    worse = sums - SegmentSums(sums.sums * [0, 0, 0, 0, 0, 0.5, 0.5])
    found = baseline.told(
        baseline.judged({0: worse}, labels=True, chance=0.01),
        endpoint="churn",
        version=3,
        labels=True,
        trusted=True,
    )
    assert found.level is Level.CRITICAL
    assert set(found.segments) == {"town=Oslo", "town=Lima"}
    assert (found.labels.endpoint, found.labels.version) == ("churn", 3)
    assert "once in 500 windows" in found.sure.en
    assert (found.evidence["metric"], found.evidence["budget_windows"]) == ("accuracy", 500.0)
