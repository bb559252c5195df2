"""One version: logged predictions and labels in, findings out; each counted once."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served_models import REFERENCE, WINDOW_ROWS, Rows, drawn, label, take, watched

from seatrial.kernel.store import StoreFull
from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.performance.labels import Keeping
from seatrial.monitoring.performance.record import BadPerformanceRecord, state_to_dict
from seatrial.monitoring.performance.verdict import Trust
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.rows.table import Coded, Table
from seatrial.testing.memory_pending import MemoryPending


def levels(found: VersionPerformance, rows: Rows) -> list[Level]:
    return [finding.level for finding in take(found, rows).findings]


def test_a_quiet_version_is_clear_and_its_accuracy_that_of_the_reference() -> None:
    version = watched(MemoryPending())
    assert set(levels(version, drawn(1, 3 * WINDOW_ROWS))) == {Level.CLEAR}
    found = version.estimated()
    assert found.value == pytest.approx(REFERENCE.reference.main.value, abs=0.03)
    assert (found.n, found.trust.trust) == (WINDOW_ROWS, Trust.UNVERIFIED)


def test_a_drop_that_scores_show_is_told_before_any_label_and_says_what_it_rests_on() -> None:
    version = watched(MemoryPending())
    version.take(drawn(1, 2 * WINDOW_ROWS))
    found = take(version, drawn(2, WINDOW_ROWS, first=2 * WINDOW_ROWS, spread=0.6)).findings
    told = next(f for f in found if f.level is Level.CRITICAL)
    assert told.labels.kind == Kind.ESTIMATED_PERFORMANCE.value
    assert "rests on 600 logged predictions" in told.sure.en
    assert "no label has come" in told.sure.en
    assert told.since is not None
    assert told.since.timestamp() * 1e6 == version.progress.points[-1].start_us
    assert told.evidence["rows"] == WINDOW_ROWS


def test_a_step_that_is_not_complete_says_nothing() -> None:
    version = watched(MemoryPending())
    assert take(version, drawn(1, 100)).findings == ()
    assert len(take(version, drawn(1, 100, first=100)).findings) == 1


def test_labels_that_contradict_the_estimate_are_told_as_real_performance() -> None:
    version = watched(MemoryPending())
    rows = drawn(3, WINDOW_ROWS, right=False)
    assert Level.CRITICAL not in levels(version, rows)
    told = label(version, *rows.pairs())
    kinds = {f.labels.kind: f for f in told.findings}
    assert kinds[Kind.PERFORMANCE.value].level is Level.CRITICAL
    assert kinds[Kind.ESTIMATED_PERFORMANCE.value].level is Level.CRITICAL
    assert kinds[Kind.PERFORMANCE.value].evidence["labelled"] == WINDOW_ROWS
    assert version.estimated().trust.trust is Trust.CONTRADICTED
    (window,) = told.windows
    real = np.mean(
        rows.labels == np.where(rows.rows.columns["outputs.probabilities"][:, 1] > 0.5, "yes", "no")
    )
    assert window.performance["accuracy"].value == pytest.approx(real)


def test_a_window_is_told_to_triggers_once_and_only_when_its_labels_are_there() -> None:
    version = watched(MemoryPending())
    rows = drawn(4, WINDOW_ROWS)
    version.take(rows)
    assert label(version, *rows.pairs(slice(0, 300))).windows == ()
    assert len(label(version, *rows.pairs(slice(300, 580))).windows) == 1
    assert label(version, *rows.pairs(slice(580, 600))).windows == ()


def test_repeated_labels_change_nothing_and_corrections_replace() -> None:
    version = watched(MemoryPending())
    rows = drawn(5, WINDOW_ROWS)
    version.take(rows)
    ids, texts = rows.pairs()
    version.label(ids, texts)
    before = state_to_dict(version.state)
    assert label(version, ids, texts).findings == ()
    assert state_to_dict(version.state) == before
    version.label(ids[:9], ["no" if text == "yes" else "yes" for text in texts[:9]])
    assert (version.progress.n_labelled, version.progress.n_corrected) == (WINDOW_ROWS, 9)
    version.label(ids[:9], texts[:9])
    after = version.measured()
    assert after is not None
    assert after.n_labelled == WINDOW_ROWS
    # To the last digit of sums of floats, whose order differs.
    assert state_to_dict(version.state)["windows"][0][2] == before["windows"][0][2]  # type: ignore[index]


def test_a_prediction_that_is_logged_twice_counts_once() -> None:
    version = watched(MemoryPending())
    rows = drawn(6, 400)
    version.take(rows)
    version.take(rows)
    assert version.progress.n_seen == 400


def test_rows_without_an_id_or_an_answer_are_left_out() -> None:
    version = watched(MemoryPending())
    rows = drawn(7, 10)
    probabilities = np.array(rows.rows.columns["outputs.probabilities"])
    probabilities[0] = np.nan
    codes = rows.rows.columns["outputs.label"].codes.copy()  # type: ignore[union-attr]
    codes[0] = -1
    columns = {
        "outputs.probabilities": probabilities,
        "outputs.label": type(rows.rows.columns["outputs.label"])(codes, ("no", "yes")),
    }
    table = type(rows.rows)(columns=columns, n=10, at=rows.rows.at)
    version.take(Rows(table, (*rows.ids[:9], None), rows.place, rows.labels))
    assert version.progress.n_seen == 8


def test_what_is_kept_goes_on_where_it_was() -> None:
    """A version opened anew is the version that was killed."""
    ledger = MemoryPending()
    rows = [drawn(i, 700, first=700 * i, spread=2.0 if i < 2 else 0.6) for i in range(4)]
    whole = watched(MemoryPending())
    for one in rows:
        whole.take(one)
        whole.label(*one.pairs(slice(0, 650)))
        part = watched(ledger)
        part.take(one)
        part = watched(ledger)
        part.label(*one.pairs(slice(0, 650)))
    again = watched(ledger)
    assert state_to_dict(again.state) == state_to_dict(whole.state)
    assert again.progress == whole.progress
    assert again.place("2025-06-15") == rows[-1].place[1]


class Full(MemoryPending):
    """Fails when the place in the log is kept."""

    broken = False

    def set_note(self, name: str, text: str) -> None:
        if self.broken and name == "state":
            raise StoreFull("full", remedy="make room")
        super().set_note(name, text)


def test_what_could_not_be_kept_was_not_taken_in() -> None:
    ledger = Full()
    version = watched(ledger)
    version.take(drawn(1, 500))
    before, place = state_to_dict(version.state), version.place("2025-06-15")
    ledger.broken = True
    more = drawn(2, 500, first=500)
    for fail in (
        lambda: version.take(more),
        lambda: version.label(*drawn(1, 500).pairs()),
        lambda: version.audit(["r1"]),
    ):
        with pytest.raises(StoreFull):
            fail()
    assert (state_to_dict(version.state), version.place("2025-06-15")) == (before, place)
    assert len(ledger.find([i for i in more.ids if i])) == 0
    assert np.isnan(ledger.find(["r1"]).label).all()
    ledger.broken = False
    version.take(more)
    assert version.progress.n_seen == 1_000


def test_audited_rows_count_from_the_moment_they_are_chosen_whenever_they_are_labelled() -> None:
    rows = drawn(8, 2 * WINDOW_ROWS, right=False)
    chosen = [i for i in rows.ids[WINDOW_ROWS : WINDOW_ROWS + 120] if i]
    texts = rows.labels[WINDOW_ROWS : WINDOW_ROWS + 120].tolist()

    def after(order: str) -> VersionPerformance:
        version = watched(MemoryPending())
        version.take(rows)
        if order == "labelled first":
            version.label(chosen[:60], texts[:60])
            assert version.state.fusion.checked is None  # they may be the easy ones
        version.audit(chosen)
        version.audit(chosen)
        version.label(chosen, texts)
        return version

    first, second = after("chosen first"), after("labelled first")
    assert first.estimated().trust.trust is Trust.CONTRADICTED
    audited = [[s.audited.n for s in v.state.fusion.steps] for v in (first, second)]
    assert audited[0] == audited[1]
    assert sum(audited[0]) == 120
    assert first.estimated().value == pytest.approx(second.estimated().value, abs=1e-9)


def test_predictions_are_kept_as_long_as_labels_may_be_late() -> None:
    ledger = MemoryPending()
    version = watched(ledger, keeping=Keeping(keep_s=1_000, max_rows=10_000))
    version.take(drawn(1, 800))
    version.take(drawn(2, 800, first=800))
    assert len(ledger.find(["r0", "r1599"])) == 1
    assert version.progress.n_seen == 1_600


def test_a_single_row_of_a_request_has_two_names() -> None:
    version = watched(MemoryPending())
    version.take(drawn(1, 3))
    assert version.known(["r0", "r1/0", "r2/1", "x/0"]) == {"r0": "r0", "r1/0": "r1"}


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 900), min_size=1, max_size=5))
def test_parts_of_the_log_give_what_the_whole_gives(sizes: list[int]) -> None:
    n = sum(sizes)
    whole, parts = watched(MemoryPending()), watched(MemoryPending())
    rows = drawn(9, n)
    whole.take(rows)
    first = 0
    for size in sizes:
        part = slice(first, first + size)
        table = type(rows.rows)(
            columns={
                "outputs.probabilities": rows.rows.columns["outputs.probabilities"][part],  # type: ignore[index]
                "outputs.label": type(rows.rows.columns["outputs.label"])(
                    rows.rows.columns["outputs.label"].codes[part],
                    ("no", "yes"),  # type: ignore[union-attr]
                ),
            },
            n=size,
            at=rows.rows.at[part] if rows.rows.at is not None else None,
        )
        parts.take(Rows(table, rows.ids[part], rows.place, rows.labels[part]))
        first += size
    assert parts.progress.n_seen == whole.progress.n_seen == n
    assert [p.window for p in parts.progress.points] == [p.window for p in whole.progress.points]
    found, expected = parts.estimated(), whole.estimated()
    assert (found.value, found.n) == (pytest.approx(expected.value, abs=1e-9), expected.n)


@pytest.mark.parametrize("name", ["state", "progress"])
@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 9}'])
def test_a_ledger_that_cannot_be_read_says_so(name: str, text: str) -> None:
    ledger = MemoryPending()
    watched(ledger).take(drawn(1, 100))
    ledger.set_note(name, text)
    with pytest.raises(BadPerformanceRecord, match="cannot be read"):
        watched(ledger)


def with_truth(rows: Rows, labels: np.ndarray, place: str) -> Rows:
    codes = np.array([{"no": 0, "yes": 1}.get(str(label), -1) for label in labels], np.int32)
    truth = {"outputs.truth": Coded(codes, ("no", "yes"))}
    table = Table(columns={**rows.rows.columns, **truth}, n=rows.rows.n, at=rows.rows.at)
    return Rows(table, rows.ids, (rows.place[0], place), rows.labels)


def test_labels_that_come_with_their_rows_are_those_that_come_afterwards() -> None:
    rows = drawn(5, 2 * WINDOW_ROWS)
    with_rows, afterwards = watched(MemoryPending()), watched(MemoryPending())
    told = take(with_rows, with_truth(rows, rows.labels, "end"))
    afterwards.take(rows)
    later = label(afterwards, *rows.pairs())
    assert with_rows.measured() == afterwards.measured()
    one, other = with_rows.estimated(), afterwards.estimated()
    assert one.value == pytest.approx(other.value)
    assert one.trust.trust is other.trust.trust
    assert [w.performance for w in told.windows] == [w.performance for w in later.windows]
    assert with_rows.progress.n_labelled == 2 * WINDOW_ROWS
    kinds = {finding.labels.kind for finding in told.findings}
    assert kinds == {Kind.ESTIMATED_PERFORMANCE.value, Kind.PERFORMANCE.value}


def test_rows_that_are_read_again_count_once_and_bring_the_labels_they_got_meanwhile() -> None:
    rows = drawn(6, WINDOW_ROWS)
    version = watched(MemoryPending())
    none = np.full(WINDOW_ROWS, "", dtype=object)
    version.take(with_truth(rows, none, "once"))
    assert version.measured() is None
    told = take(version, with_truth(rows, rows.labels, "twice"))
    turned = np.where(rows.labels == "no", "yes", "no")
    version.take(with_truth(rows, turned, "thrice"))
    progress = version.progress
    assert (progress.n_seen, progress.n_labelled, progress.n_corrected) == (600, 600, 600)
    assert any(f.labels.kind == Kind.PERFORMANCE.value for f in told.findings)
    real, wanted = version.measured(), watched(MemoryPending())
    wanted.take(with_truth(rows, turned, "end"))
    assert real is not None
    assert real.metrics == wanted.measured().metrics  # type: ignore[union-attr]


def test_other_metrics_are_estimated_until_labels_contradict_the_scores() -> None:
    version = watched(MemoryPending())
    rows = drawn(7, WINDOW_ROWS, right=False)
    version.take(rows)
    others = {one.name: one for one in version.estimated().others}
    assert set(others) == {"precision", "recall", "f1", "auc"}
    for one in others.values():
        assert one.interval.lower < one.value < one.interval.upper
        assert one.reference is not None
        assert one.drop == pytest.approx(one.reference - one.value)
    version.label(*rows.pairs())
    assert version.estimated().trust.trust is Trust.CONTRADICTED
    assert version.estimated().others == ()


def test_a_state_of_before_other_metrics_were_estimated_is_read() -> None:
    ledger = MemoryPending()
    watched(ledger).take(drawn(8, WINDOW_ROWS))
    record = json.loads(ledger.note("state") or "")
    assert watched(ledger).estimated().others
    del record["recent"]
    ledger.set_note("state", json.dumps(record))
    old = watched(ledger)
    assert old.estimated().others == ()
    old.take(drawn(9, WINDOW_ROWS, first=WINDOW_ROWS))
    assert old.estimated().others
