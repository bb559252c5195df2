"""Some data looked at once, by segment too: however it is cut, with labels and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.performance.batch import BatchPerformance
from seatrial.monitoring.performance.labels import Keeping
from seatrial.monitoring.performance.log_answers import log_answers, log_reference
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segment_judge import SegmentRules, SegmentVerdict
from seatrial.monitoring.performance.segment_reference import segments_of
from seatrial.monitoring.performance.served_reference import ServedReference
from seatrial.monitoring.performance.verdict import PerformanceRules, Trust
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.performance.view import performance_record
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.table import Coded, Table, rows_of
from seatrial.monitoring.summaries.log_rows import features_of
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import Splits
from seatrial.testing.memory_pending import MemoryPending

COLUMNS = Columns(prediction="said", scores=("p",), label="y", segments=("town",))
SHARES = {"Oslo": 0.45, "Lima": 0.06, "Wuhan": 0.45, "Bonn": 0.04}
TOWNS = tuple(SHARES)
WINDOW_ROWS = 500


def table(seed: int, n: int, *, wrong: str = "", unsure: str = "", labels: bool = True) -> Table:
    """Answers in four towns, two of them small.

    Args:
        wrong: there what comes true is a coin's doing, and scores know nothing of it.
        unsure: there scores are near a half, and right.
    """
    rng = np.random.default_rng(seed)
    town = rng.choice(4, n, p=list(SHARES.values())).astype(np.int32)
    p = rng.beta(0.5, 0.5, n)
    if unsure:
        mine = town == TOWNS.index(unsure)
        p[mine] = rng.uniform(0.4, 0.6, int(mine.sum()))
    y = (rng.random(n) < p).astype(np.int64)
    if wrong:
        mine = town == TOWNS.index(wrong)
        y[mine] = rng.integers(0, 2, int(mine.sum()))
    columns = {"p": p, "said": (p > 0.5).astype(np.int64), "town": Coded(town, TOWNS)}
    at = (1_750_000_000_000_000 + np.arange(n) * 1_000_000).astype("datetime64[us]")
    return Table(columns={**columns, "y": y} if labels else columns, n=n, at=at)


REFERENCE_ROWS = table(0, 8_000)
SERVED = log_reference(REFERENCE_ROWS, COLUMNS, holdout=True)


def baseline(served: ServedReference = SERVED) -> SegmentBaseline:
    profile = profile_of(features_of(REFERENCE_ROWS, COLUMNS, segments=["town"]))
    splits = Splits(profile, ["town"])
    rows = log_answers(REFERENCE_ROWS, COLUMNS, served.reference).table
    return SegmentBaseline(
        splits=splits,
        known=segments_of(served.reference, splits, rows),
        served=served,
        rules=SegmentRules(performance=PerformanceRules()),
    )


BASELINE = baseline()


def judged(*parts: Table, by: SegmentBaseline | None = BASELINE) -> BatchPerformance:
    batch = BatchPerformance(
        SERVED,
        endpoint="log",
        version=1,
        rules=PerformanceRules(),
        window_rows=WINDOW_ROWS,
        segments=by,
    )
    for part in parts:
        batch.add(log_answers(part, COLUMNS, SERVED.reference).table)
    return batch


def by_town(verdicts: tuple[SegmentVerdict, ...]) -> dict[str, SegmentVerdict]:
    return {one.value: one for one in verdicts}


def test_the_town_that_got_worse_is_named_though_the_whole_hardly_moves() -> None:
    batch = judged(table(1, 6_000, wrong="Lima"))
    whole = batch.measured()
    assert whole is not None
    assert whole.metrics[0].drop == pytest.approx(0.02, abs=0.012)
    measured, estimated = batch.found_by_segment()
    assert (measured.labels.kind, measured.level) == (
        Kind.SEGMENT_PERFORMANCE.value,
        Level.CRITICAL,
    )
    assert measured.segments == ("town=Lima",)
    assert measured.what.en.startswith("The measured accuracy is worse in 1 of 4 segments: ")
    assert "once in 10,000 windows" in measured.sure.en
    assert "flatter" not in measured.sure.en
    assert (estimated.labels.kind, estimated.level) == (
        Kind.SEGMENT_ESTIMATED_PERFORMANCE.value,
        Level.CLEAR,
    )


def test_without_labels_scores_alone_name_the_town_in_which_they_know_less() -> None:
    batch = judged(table(2, 6_000, unsure="Bonn", labels=False))
    (found,) = batch.found_by_segment()
    assert (found.labels.kind, found.level) == (
        Kind.SEGMENT_ESTIMATED_PERFORMANCE.value,
        Level.CRITICAL,
    )
    assert found.segments == ("town=Bonn",)
    record = performance_record(batch)["segments"]
    assert (record["columns"], record["trusted"], record["measured"]) == (["town"], True, [])
    assert record["estimated"][0]["value"] == "Bonn"


def test_a_town_of_few_rows_is_not_judged_and_is_shown() -> None:
    rows = table(3, 1_000)
    town = rows.columns["town"]
    assert isinstance(town, Coded)
    few = np.flatnonzero((town.codes != 3) | (np.cumsum(town.codes == 3) <= 20))
    batch = judged(rows_of(rows, few))
    assert batch.segments is not None
    bonn = by_town(batch.segments.measured())["Bonn"]
    assert (bonn.level.value, bonn.n, bonn.performance) == ("unknown", 20, None)
    measured, _ = batch.found_by_segment()
    assert measured.level is Level.CLEAR


def test_what_labels_contradict_is_not_said_of_segments() -> None:
    rows = table(4, 4_000)
    flipped = Table(columns={**rows.columns, "y": 1 - rows.columns["said"]}, n=rows.n, at=rows.at)  # type: ignore[operator]
    batch = judged(flipped)
    assert batch.estimated().trust.trust is Trust.CONTRADICTED
    record = performance_record(batch)["segments"]
    assert (record["trusted"], record["estimated"]) == (False, [])
    assert {one["level"] for one in record["measured"]} == {"critical"}
    levels = {one.labels.kind: one.level for one in batch.found_by_segment()}
    assert levels == {
        Kind.SEGMENT_PERFORMANCE.value: Level.CRITICAL,
        Kind.SEGMENT_ESTIMATED_PERFORMANCE.value: Level.UNKNOWN,
    }


def test_a_reference_that_may_be_known_to_the_model_is_said_to_flatter() -> None:
    served = log_reference(REFERENCE_ROWS, COLUMNS, holdout=False)
    found = judged(table(1, 6_000, wrong="Lima"), by=baseline(served)).found_by_segment()
    assert "may flatter" in found[0].sure.en
    assert "可能偏高" in found[0].sure.zh


def test_rows_that_are_not_split_say_nothing_of_segments() -> None:
    batch = judged(table(1, 600), by=None)
    assert batch.found_by_segment() == ()
    assert performance_record(batch)["segments"] is None


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.lists(st.integers(0, 400), max_size=5))
def test_however_the_rows_are_cut_segments_say_the_same(seed: int, cuts: list[int]) -> None:
    whole = table(seed, 400, wrong="Oslo")
    parts = [rows_of(whole, part) for part in np.split(np.arange(400), sorted(cuts))]
    once, cut = judged(whole).segments, judged(*parts).segments
    assert once is not None
    assert cut is not None
    assert once.measured() == cut.measured()
    first, second = by_town(once.estimated()), by_town(cut.estimated())
    assert first.keys() == second.keys()
    for name, one in first.items():
        assert (second[name].n, second[name].level) == (one.n, one.level)
        if one.performance is not None:
            assert second[name].performance == pytest.approx(one.performance, rel=1e-9)


def test_quiet_data_call_no_segment() -> None:
    """Each look at labels or scores may call one wrongly once in 10,000."""
    for seed in range(30):
        batch = judged(table(100 + seed, 1_000))
        assert all(one.level is not Level.CRITICAL for one in batch.found_by_segment())
        assert all(one.level is not Level.WARNING for one in batch.found_by_segment())


class Part:
    """See `arrivals.Logged`."""

    def __init__(self, rows: Table) -> None:
        self.rows = log_answers(rows, COLUMNS, SERVED.reference).table
        self.ids = tuple(f"r{i}" for i in range(rows.n))
        self.place = ("log", f"after {rows.n}")


def test_a_log_that_is_followed_says_of_segments_what_the_same_rows_say_at_once() -> None:
    rows = table(5, 4 * WINDOW_ROWS, wrong="Wuhan")
    version = VersionPerformance(
        MemoryPending(),
        SERVED,
        endpoint="log",
        version=1,
        rules=PerformanceRules(),
        keeping=Keeping(),
        window_rows=WINDOW_ROWS,
        segments=BASELINE,
    )
    version.take(Part(rows))
    batch = judged(rows)
    assert version.segments is not None
    assert batch.segments is not None
    followed, at_once = by_town(version.segments.measured()), by_town(batch.segments.measured())
    assert followed.keys() == at_once.keys() == set(TOWNS)
    for name in ("Oslo", "Lima", "Bonn"):
        # A look at a log asks of windows apart too, which moves no figure but the chance.
        assert followed[name].windows == 4
        same = replace(followed[name], windows=1, p_value=at_once[name].p_value)
        assert same == at_once[name]
    assert followed["Wuhan"].level is at_once["Wuhan"].level
    assert followed["Wuhan"].level.value == "critical"
