"""Performance by segment in a version's ledger: looks, restarts, corrections, and what is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from served_models import REFERENCE, WINDOW_ROWS, Rows, drawn, label, take, untold

from seatrial.kernel.store import StoreFull
from seatrial.monitoring.alerts.finding import Finding, Kind, Level
from seatrial.monitoring.performance.labels import Keeping
from seatrial.monitoring.performance.record import BadPerformanceRecord
from seatrial.monitoring.performance.reference import regressor_reference
from seatrial.monitoring.performance.segment_baseline import SegmentBaseline
from seatrial.monitoring.performance.segment_judge import LOOK_LABELS, SegmentRules
from seatrial.monitoring.performance.segment_reference import SegmentReference, segments_of
from seatrial.monitoring.performance.segment_sums import SegmentSums
from seatrial.monitoring.performance.segment_view import SHOWN, segments_view, verdict_records
from seatrial.monitoring.performance.served_reference import Origin, ServedReference
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.performance.view import performance_record
from seatrial.monitoring.rows.scores import ScoreColumns
from seatrial.monitoring.rows.served import NUMBER, TRUTH
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.segments import NEW, Splits
from seatrial.testing.memory_pending import MemoryPending

TOWNS = ("Oslo", "Lima", "Wuhan")


def in_towns(rows: Rows, *, only: int | None = None) -> Rows:
    """The rows, each in a town; or all of them in one."""
    codes = np.arange(rows.rows.n, dtype=np.int32) % 3
    if only is not None:
        codes[:] = only
    columns = {**rows.rows.columns, "town": Coded(codes, (*TOWNS, "Bonn"))}
    return replace(rows, rows=Table(columns=columns, n=rows.rows.n, at=rows.rows.at))


def mixed(seed: int, first: int, *, bad: int) -> Rows:
    """A window in which what comes true in one town is a coin's doing."""
    good, coin = drawn(seed, WINDOW_ROWS, first=first), drawn(seed + 500, WINDOW_ROWS, right=False)
    labels = good.labels.copy()
    there = np.arange(WINDOW_ROWS) % 3 == bad
    labels[there] = coin.labels[there]
    return in_towns(replace(good, labels=labels))


def splits() -> Splits:
    town = Coded(np.arange(600, dtype=np.int32) % 3, TOWNS)
    return Splits(profile_of(Table(columns={"town": town}, n=600)), ["town"])


def known() -> SegmentReference:
    """Eight thousand rows like `drawn`'s, in three towns."""
    some, rng = splits(), np.random.default_rng(0)
    second = 1 / (1 + np.exp(-2.0 * rng.normal(size=8_000)))
    expected = np.maximum(second, 1 - second)
    outcome = (rng.random(8_000) < expected).astype(np.float64)
    n = len(some.pairs)
    places = np.column_stack([np.arange(8_000) % 3, np.full(8_000, n)])
    sums = SegmentSums.of(places, expected, n_segments=n + 1)
    return SegmentReference(
        pairs=some.pairs, sums=sums + SegmentSums.labelled(places, outcome, n_segments=n + 1)
    )


KNOWN = known()


def watched(ledger: MemoryPending) -> VersionPerformance:
    rules = PerformanceRules()

    baseline = SegmentBaseline(
        splits=splits(), known=KNOWN, served=REFERENCE, rules=SegmentRules(performance=rules)
    )
    return VersionPerformance(
        ledger,
        REFERENCE,
        endpoint="churn",
        version=1,
        rules=rules,
        keeping=Keeping(),
        window_rows=WINDOW_ROWS,
        segments=baseline,
    )


def of_kind(told: Told, kind: Kind) -> list[Finding]:
    return [one for one in told.findings if one.labels.kind == kind.value]


def test_a_look_at_scores_is_taken_once_a_window() -> None:
    version = watched(MemoryPending())
    half = WINDOW_ROWS // 2
    looks = []
    for i in range(4):
        told = take(version, in_towns(drawn(i, half, first=i * half)))
        looks.append(len(of_kind(told, Kind.SEGMENT_ESTIMATED_PERFORMANCE)))
    assert looks == [0, 1, 0, 1]


def test_a_look_at_labels_is_taken_when_enough_are_new() -> None:
    version = watched(MemoryPending())
    rows = in_towns(drawn(1, WINDOW_ROWS))
    version.take(rows)
    step = LOOK_LABELS // 2
    looks = []
    for i in range(4):
        told = label(version, *rows.pairs(slice(i * step, (i + 1) * step)))
        looks.append(len(of_kind(told, Kind.SEGMENT_PERFORMANCE)))
    assert looks == [0, 1, 0, 1]


def test_the_segment_in_which_labels_disagree_is_named() -> None:
    version = watched(MemoryPending())
    found: list[Finding] = []
    for i in range(4):
        rows = mixed(i, i * WINDOW_ROWS, bad=1)
        version.take(rows)
        found += of_kind(label(version, *rows.pairs()), Kind.SEGMENT_PERFORMANCE)
    assert found[-1].level is Level.CRITICAL
    assert found[-1].segments == ("town=Lima",)
    assert found[-1].what.en.startswith("The measured accuracy is worse in 1 of 3 segments: ")
    assert "town=Lima 5" in found[-1].what.en
    assert "个分组中有 1 个的标注后的准确率变差" in found[-1].what.zh
    assert "once in 10,000 windows" in found[-1].sure.en


def test_what_is_found_by_segment_is_told_by_the_process_after_a_kill_and_then_no_more() -> None:
    ledger = MemoryPending()
    rows = mixed(1, 0, bad=1)
    watched(ledger).take(rows)
    assert of_kind(untold(watched(ledger)), Kind.SEGMENT_ESTIMATED_PERFORMANCE)
    watched(ledger).label(*rows.pairs())
    assert of_kind(untold(watched(ledger)), Kind.SEGMENT_PERFORMANCE)
    assert untold(watched(ledger)) == Told()


def test_what_could_not_be_kept_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    version, ledger = watched(MemoryPending()), MemoryPending()
    one = watched(ledger)
    rows = mixed(1, 0, bad=1)

    def full(name: str, text: str) -> None:
        if name == "state":
            raise StoreFull("The drive is full.", remedy="Make room.")
        kept(name, text)

    kept = ledger.set_note
    for change in (lambda v: v.take(rows), lambda v: v.label(*rows.pairs())):
        with monkeypatch.context() as broken:
            broken.setattr(ledger, "set_note", full)
            with pytest.raises(StoreFull):
                change(one)
        change(one)
        change(version)
    assert one.segments is not None
    assert version.segments is not None
    assert one.segments.estimated() == version.segments.estimated()
    assert one.segments.measured() == version.segments.measured()
    assert untold(one) == untold(version)


def test_scores_that_labels_contradict_say_nothing_of_segments() -> None:
    version = watched(MemoryPending())
    for i in range(3):
        rows = in_towns(drawn(i, WINDOW_ROWS, first=i * WINDOW_ROWS, right=False))
        told = take(version, rows)
        version.label(*rows.pairs())
    (said,) = of_kind(told, Kind.SEGMENT_ESTIMATED_PERFORMANCE)
    assert said.level is Level.UNKNOWN
    assert "contradict" in said.what.en


def test_the_same_rows_and_labels_say_the_same_after_a_restart_and_in_other_batches() -> None:
    rows = [mixed(i, i * WINDOW_ROWS, bad=2) for i in range(3)]
    once = watched(MemoryPending())
    for one in rows:
        once.take(one)
    for one in rows:
        once.label(*one.pairs())
    ledger = MemoryPending()
    for one in rows:
        watched(ledger).take(one)
        assert take(watched(ledger), one).findings == ()  # known predictions count once
        for part in (slice(0, 200), slice(150, 400), slice(400, None)):
            watched(ledger).label(*one.pairs(part))
    again = watched(ledger)
    assert once.segments is not None
    assert again.segments is not None
    assert again.segments.measured() == once.segments.measured()
    first = {one.value: one for one in once.segments.estimated()}
    second = {one.value: one for one in again.segments.estimated()}
    for value, one in first.items():
        assert second[value].performance == pytest.approx(one.performance)
        assert second[value].n == one.n


def test_a_corrected_label_takes_the_place_of_the_first() -> None:
    version = watched(MemoryPending())
    rows = in_towns(drawn(1, WINDOW_ROWS))
    version.take(rows)
    ids, labels = rows.pairs()
    wrong = ["yes" if label == "no" else "no" for label in labels]
    version.label(ids, wrong)
    version.label(ids, labels)
    straight = watched(MemoryPending())
    straight.take(rows)
    straight.label(ids, labels)
    assert version.segments is not None
    assert straight.segments is not None
    assert version.segments.measured() == straight.segments.measured()


def test_labels_of_predictions_whose_segment_nobody_knows_change_nothing() -> None:
    """They were taken in by a version of seatrial that kept no segments."""
    ledger, rows = MemoryPending(), in_towns(drawn(1, WINDOW_ROWS))
    VersionPerformance(
        ledger,
        REFERENCE,
        endpoint="churn",
        version=1,
        rules=PerformanceRules(),
        keeping=Keeping(),
        window_rows=WINDOW_ROWS,
    ).take(rows)
    version = watched(ledger)
    version.label(*rows.pairs())
    assert version.segments is not None
    assert version.segments.measured() == ()


def test_the_record_has_the_worst_segments_first_and_a_new_one_beside_the_whole() -> None:
    version = watched(MemoryPending())
    for i in range(2):
        version.take(in_towns(drawn(i, WINDOW_ROWS, first=i * WINDOW_ROWS), only=3 if i else None))
    record = performance_record(version)["segments"]
    assert version.segments is not None
    assert record == segments_view(version.segments, trusted=True)
    assert record["columns"] == ["town"]
    assert record["measured"] == []
    shown = {one["value"]: one for one in record["estimated"]}
    assert set(shown) == {*TOWNS, NEW}
    assert (shown[NEW]["n"], shown[NEW]["reference_of_whole"]) == (WINDOW_ROWS, True)
    assert segments_view(None, trusted=True) is None
    one = version.segments.estimated()[0]
    worse, calm = replace(one, level=Level.WARNING), replace(one, level=Level.CLEAR)
    assert len(verdict_records([worse] * 57 + [calm] * 9)) == 57
    assert len(verdict_records([worse] * 7 + [calm] * 57)) == SHOWN


def with_labels(rows: Rows) -> Rows:
    """The rows as a log holds them that was written once it was known what came true."""
    names = Coded((rows.labels == "yes").astype(np.int32), ("no", "yes"))
    table = Table(columns={**rows.rows.columns, TRUTH: names}, n=rows.rows.n, at=rows.rows.at)
    return replace(rows, rows=table)


def test_labels_that_come_with_their_rows_count_as_those_that_come_late() -> None:
    rows = [mixed(i, i * WINDOW_ROWS, bad=1) for i in range(3)]
    late, beside = watched(MemoryPending()), watched(MemoryPending())
    found: list[Finding] = []
    for one in rows:
        late.take(one)
        late.label(*one.pairs())
        found += of_kind(take(beside, with_labels(one)), Kind.SEGMENT_PERFORMANCE)
        again = take(beside, with_labels(one))
        assert of_kind(again, Kind.SEGMENT_PERFORMANCE) == []  # read again, they count once
    assert late.segments is not None
    assert beside.segments is not None
    assert beside.segments.measured() == late.segments.measured()
    assert found[-1].segments == ("town=Lima",)


def test_a_label_beside_its_row_is_corrected_by_a_later_one() -> None:
    rows = with_labels(in_towns(drawn(1, WINDOW_ROWS)))
    ids, labels = rows.pairs()
    version, straight = watched(MemoryPending()), watched(MemoryPending())
    version.take(rows)
    straight.take(rows)
    version.label(ids, ["yes" if label == "no" else "no" for label in labels])
    version.label(ids, labels)
    assert version.segments is not None
    assert straight.segments is not None
    assert version.segments.measured() == straight.segments.measured()


def test_a_log_filled_in_later_labels_the_segments_of_its_rows() -> None:
    version, straight = watched(MemoryPending()), watched(MemoryPending())
    rows = in_towns(drawn(1, WINDOW_ROWS))
    version.take(rows)
    version.take(with_labels(rows))
    straight.take(with_labels(rows))
    assert version.segments is not None
    assert straight.segments is not None
    assert version.segments.measured() == straight.segments.measured()


def test_each_number_of_an_answer_counts_in_the_segment_of_its_row() -> None:
    rng = np.random.default_rng(1)

    def table(n: int, *, bad: bool) -> Table:
        said, codes = rng.normal(size=(n, 2)), np.arange(n, dtype=np.int32) % 3
        noise = np.where(bad & (codes == 1), 4.0, 1.0)[:, None]
        columns = {NUMBER: said, TRUTH: said + noise * rng.normal(size=(n, 2))}
        return Table(columns={**columns, "town": Coded(codes, TOWNS)}, n=n)

    rows = table(3_000, bad=False)
    asked = ScoreColumns(prediction=NUMBER, label=TRUTH)
    reference = regressor_reference(rows, asked, features=())
    served = ServedReference(reference=reference, origin=Origin.HOLDOUT, n=3_000)
    baseline = SegmentBaseline(
        splits=splits(),
        known=segments_of(reference, splits(), rows),
        served=served,
        rules=SegmentRules(performance=PerformanceRules()),
    )
    version = VersionPerformance(
        MemoryPending(),
        served,
        endpoint="churn",
        version=1,
        rules=PerformanceRules(),
        keeping=Keeping(),
        window_rows=WINDOW_ROWS,
        segments=baseline,
    )
    whole = table(WINDOW_ROWS, bad=True)
    answers = {name: one for name, one in whole.columns.items() if name != TRUTH}
    logged = replace(drawn(1, WINDOW_ROWS), rows=Table(columns=answers, n=whole.n))
    told = take(version, logged)
    assert of_kind(told, Kind.SEGMENT_ESTIMATED_PERFORMANCE) == []  # there are no scores
    texts = [str(one) for one in np.asarray(whole.columns[TRUTH]).tolist()]
    told = label(version, [key for key in logged.ids if key], texts)
    (found,) = of_kind(told, Kind.SEGMENT_PERFORMANCE)
    assert found.segments == ("town=Lima",)
    assert version.segments is not None
    # There are two numbers a row, so the rows are two windows; one of them shows Lima's best.
    counted = {one.value: (one.n, one.windows) for one in version.segments.measured()}
    assert counted == {"Oslo": (400, 2), "Wuhan": (400, 2), "Lima": (200, 1)}


def test_a_ledger_that_cannot_be_read_is_refused() -> None:
    ledger = MemoryPending()
    watched(ledger).take(in_towns(drawn(1, WINDOW_ROWS)))
    ledger.set_note("segments/0", '{"index": 0, "sums": "AAAA"}')
    with pytest.raises(BadPerformanceRecord, match="segments"):
        watched(ledger)
