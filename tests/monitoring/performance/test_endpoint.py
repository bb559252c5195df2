"""An endpoint's versions and the labels for them, in whatever order they arrive."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from served_models import WINDOW_ROWS, Opened, Rows, drawn

from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import StoreDamaged
from seatrial.monitoring.alerts.finding import Kind
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.monitoring.performance.endpoint import EndpointPerformance
from seatrial.monitoring.performance.inbox import Entry, Purpose
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.version_ledger import LedgerChanged
from seatrial.monitoring.rows.table import Table
from seatrial.testing.clock import FakeClock

NOW = datetime(2025, 6, 15, tzinfo=UTC)


def us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


class Watched(EndpointPerformance):
    """With what it told."""

    told: list[Told]


def endpoint(opened: Opened, clock: FakeClock | None = None) -> Watched:
    clock, told = clock or FakeClock(), []
    watched = Watched(
        "churn",
        opened=opened,
        clock=clock,
        wait_s=3_600,
        tell=told.append,
        troubles=Troubles(logging.getLogger("seatrial"), clock),
    )
    watched.told = told
    return watched


def hand_in(opened: Opened, rows: Rows, part: slice = slice(None), at: datetime = NOW) -> None:
    pairs = zip(*rows.pairs(part), strict=True)
    opened.box.put([Entry(id=key, value=text) for key, text in pairs], at_us=us(at))


def test_labels_find_the_predictions_that_were_logged_before_them() -> None:
    opened = Opened()
    opened.log.append(drawn(1, WINDOW_ROWS))
    watch = endpoint(opened)
    watch.turn([1], NOW)
    hand_in(opened, opened.log[0])
    watch.told.clear()
    assert watch.turn([1], NOW) == {1}
    assert {f.labels.kind for told in watch.told for f in told.findings} == {
        Kind.ESTIMATED_PERFORMANCE.value,
        Kind.PERFORMANCE.value,
    }
    assert watch.versions()[1].progress.n_labelled == WINDOW_ROWS
    assert watch.n_waiting() == 0


def test_labels_that_outran_the_log_wait_for_it() -> None:
    opened = Opened()
    rows = drawn(1, WINDOW_ROWS)
    hand_in(opened, rows)
    watch = endpoint(opened)
    assert watch.turn([1], NOW) == set()
    assert watch.n_waiting() == WINDOW_ROWS
    opened.log.append(rows)
    watch.turn([1], NOW + timedelta(minutes=2))
    assert (watch.versions()[1].progress.n_labelled, watch.n_waiting()) == (WINDOW_ROWS, 0)


def test_labels_of_unknown_predictions_are_dropped_in_time_and_counted() -> None:
    opened = Opened()
    opened.box.put([Entry(id="nobody", value="yes")], at_us=us(NOW))
    watch = endpoint(opened)
    watch.turn([1], NOW + timedelta(minutes=59))
    assert (watch.n_waiting(), watch.n_unknown()) == (1, 0)
    watch.turn([1], NOW + timedelta(minutes=61))
    assert (watch.n_waiting(), watch.n_unknown()) == (0, 1)


def test_a_label_of_a_later_page_corrects_an_earlier_one() -> None:
    opened = Opened()
    opened.log.append(drawn(1, 200))
    watch = endpoint(opened)
    for value in ("yes", "no", "yes", "no"):
        opened.box.put([Entry(id="r7", value=value)], at_us=us(NOW))
    watch.turn([1], NOW)
    opened.box.put([Entry(id="r7/0", value="yes")], at_us=us(NOW))
    watch.turn([1], NOW)
    assert opened.ledgers[1].find(["r7"]).label.tolist() == [1.0]
    progress = watch.versions()[1].progress
    assert (progress.n_labelled, progress.n_corrected) == (1, 1)


def test_planned_predictions_count_as_audited_when_labels_come_with_the_plan() -> None:
    opened = Opened()
    rows = drawn(1, WINDOW_ROWS)
    opened.log.append(rows)
    watch = endpoint(opened)
    opened.box.put([Entry(id=f"r{i}", purpose=Purpose.AUDIT) for i in range(50)], at_us=us(NOW))
    hand_in(opened, rows, slice(0, 50))
    watch.turn([1], NOW)
    steps = watch.versions()[1].state.fusion.steps
    assert sum(step.audited.n for step in steps) == 50


class Killed(Exception):
    """The process is gone."""


@pytest.mark.parametrize("n_turns", [1, 2])
def test_a_kill_between_taking_in_and_forgetting_doubles_nothing(
    n_turns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Opened()
    rows = drawn(1, WINDOW_ROWS)
    opened.log.append(rows)
    watch = endpoint(opened)
    hand_in(opened, rows)
    hand_in(opened, rows, slice(0, 10))

    def die(positions: Sequence[int]) -> None:
        raise Killed

    for _ in range(n_turns):
        with monkeypatch.context() as patched:
            patched.setattr(opened.box, "drop", die)
            with pytest.raises(Killed):
                endpoint(opened).turn([1], NOW)
    watch = endpoint(opened)
    watch.turn([1], NOW)
    found = watch.versions()[1]
    assert (found.progress.n_seen, found.progress.n_labelled) == (WINDOW_ROWS, WINDOW_ROWS)
    assert (found.progress.n_corrected, watch.n_waiting()) == (0, 0)
    measured = found.measured()
    assert measured is not None
    assert measured.n_labelled == WINDOW_ROWS


def test_versions_that_answer_no_more_still_get_their_labels() -> None:
    opened = Opened()
    rows = drawn(1, 300)
    opened.log.append(rows)
    endpoint(opened).turn([1], NOW)
    opened.log.clear()
    hand_in(opened, rows)
    watch = endpoint(opened)
    watch.turn([2], NOW)
    assert watch.versions()[1].progress.n_labelled == 300
    assert watch.versions()[2].progress.n_labelled == 0


def test_rows_that_cannot_be_judged_are_passed_over_and_said(caplog: Any) -> None:
    opened = Opened()
    good = drawn(1, 200)
    columns = dict(good.rows.columns)
    columns["outputs.probabilities"] = np.zeros((200, 3))
    bad = Rows(Table(columns=columns, n=200, at=good.rows.at), good.ids, ("d", "bad"), good.labels)
    failed = Rows(Table(columns={}, n=5), (None,) * 5, ("d", "failed"), good.labels[:5])
    opened.log += [bad, failed, good]
    watch = endpoint(opened)
    watch.turn([1], NOW)
    assert watch.versions()[1].progress.n_seen == 200
    assert "3 probabilities a row for 2 classes" in caplog.text
    assert len(caplog.records) == 1  # requests that failed have no answer: nothing is wrong


def test_a_backlog_is_read_in_several_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    opened, clock = Opened(), FakeClock()
    opened.log += [drawn(i, 100, first=100 * i) for i in range(5)]
    watch = endpoint(opened, clock)
    monkeypatch.setattr(clock, "monotonic", iter(range(0, 1_000, 3)).__next__)
    seen = []
    for _ in range(5):
        watch.turn([1], NOW)
        seen.append(watch.versions()[1].progress.n_seen)
    assert seen == [100, 200, 300, 400, 500]


def test_a_version_whose_reference_cannot_be_read_is_said_once(caplog: Any) -> None:
    class Unreadable(Opened):
        def version(self, endpoint: str, version: int) -> Any:
            raise Invalid("its reference is a poem", remedy="Deploy again.")

    watch = endpoint(Unreadable())
    watch.turn([1], NOW)
    watch.turn([1], NOW)
    assert caplog.text.count("poem") == 1
    assert watch.versions() == {}


def test_dropped_labels_stay_counted_when_the_monitor_starts_anew() -> None:
    opened = Opened()
    opened.box.put([Entry(id="nobody", value="yes")], at_us=us(NOW))
    endpoint(opened).turn([1], NOW + timedelta(hours=2))
    again = endpoint(opened)
    again.turn([1], NOW + timedelta(hours=2))
    assert again.n_unknown() == 1


def test_no_label_is_dropped_while_the_log_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monitor that was down for a day finds labels older than they may wait."""
    opened, clock = Opened(), FakeClock()
    opened.log += [drawn(i, 100, first=100 * i) for i in range(3)]
    for rows in opened.log:
        hand_in(opened, rows)
    watch = endpoint(opened, clock)
    monkeypatch.setattr(clock, "monotonic", iter(range(0, 1_000, 3)).__next__)
    for _ in range(4):
        watch.turn([1], NOW + timedelta(days=1))
    assert watch.versions()[1].progress.n_labelled == 300
    assert watch.n_unknown() == 0


class Broken(Opened):
    """An inbox that is damaged, from its first page or from a later one."""

    broken = True
    at_open = True

    def inbox(self, endpoint: str) -> Any:
        if self.broken and self.at_open:
            raise StoreDamaged("The file inbox.db is damaged.", remedy="Restore it.")
        return self

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            if self.broken:
                raise StoreDamaged("The file inbox.db is damaged.", remedy="Restore it.")
            return getattr(self.box, name)(*args, **named)

        return call


@pytest.mark.parametrize("at_open", [True, False])
def test_a_damaged_inbox_is_said_once_and_predictions_are_followed_all_the_same(
    at_open: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    opened = Broken()
    opened.at_open = at_open
    opened.log.append(drawn(1, WINDOW_ROWS))
    hand_in(opened, opened.log[0])
    watch = endpoint(opened)
    for _ in range(20):
        watch.turn([1], NOW)
    assert watch.versions()[1].progress.n_seen == WINDOW_ROWS
    assert (watch.n_waiting(), watch.n_unknown()) == (None, None)
    opened.broken = False
    for _ in range(3):
        watch.turn([1], NOW)
    assert watch.versions()[1].progress.n_labelled == WINDOW_ROWS
    assert [record.message for record in caplog.records] == [
        "churn: labels: The file inbox.db is damaged. Restore it.",
        "churn: labels: well again",
    ]


def test_a_damaged_ledger_stops_no_other_version(caplog: pytest.LogCaptureFixture) -> None:
    opened = Opened()
    opened.log.append(drawn(1, 300))
    watch = endpoint(opened)
    watch.turn([1, 2], NOW)
    ledger = opened.ledgers[1]

    def damaged(*_: object) -> Any:
        raise StoreDamaged("The file v1.db is damaged.", remedy="Restore it.")

    ledger.find = damaged  # type: ignore[method-assign]
    opened.log.append(drawn(2, 300, first=300))
    hand_in(opened, opened.log[0])
    for _ in range(5):
        watch.turn([1, 2], NOW)
    assert watch.versions()[2].progress.n_seen == 600
    assert watch.versions()[2].progress.n_labelled == 300
    assert caplog.text.count("version 1: waiting predictions: The file v1.db is damaged") == 1


def test_ten_thousand_labels_at_once_are_taken_in_by_one_turn() -> None:
    opened = Opened()
    n = 10_000
    opened.log += [drawn(i, 2_000, first=2_000 * i) for i in range(5)]
    for rows in opened.log:
        hand_in(opened, rows)
    strangers = [Entry(id=f"nobody{i}", value="yes") for i in range(n)]
    opened.box.put([*strangers, Entry(id="r1", value="no such class")], at_us=us(NOW))
    watch = endpoint(opened)
    watch.turn([1], NOW)
    progress = watch.versions()[1].progress
    assert (progress.n_seen, progress.n_labelled) == (n, n)
    assert watch.n_waiting() == n  # those of nobody's predictions
    watch.turn([1], NOW + timedelta(hours=2))
    assert (watch.n_waiting(), watch.n_unknown()) == (0, n)


def test_one_prediction_of_the_far_future_makes_no_other_be_forgotten() -> None:
    """A clock that was wrong for a moment."""
    opened = Opened()
    good, odd = drawn(1, WINDOW_ROWS), drawn(2, 1, first=WINDOW_ROWS)
    at = odd.rows.at + np.timedelta64(40 * 365, "D")
    wrong = Rows(Table(columns=odd.rows.columns, n=1, at=at), odd.ids, ("d", "odd"), odd.labels)
    opened.log += [good, wrong]
    now = datetime(2025, 6, 15, 16, tzinfo=UTC)
    watch = endpoint(opened)
    watch.turn([1], now)
    hand_in(opened, good, at=now)
    watch.turn([1], now)
    assert watch.versions()[1].progress.n_labelled == WINDOW_ROWS


def test_two_processes_on_one_ledger_never_mix_what_they_know() -> None:
    opened = Opened()
    opened.log.append(drawn(1, 300))
    one, other = endpoint(opened), endpoint(opened)
    one.turn([1], NOW)
    other.turn([1], NOW)
    opened.log.append(drawn(2, 300, first=300))
    one.turn([1], NOW)
    opened.log.append(drawn(3, 300, first=600))
    with pytest.raises(LedgerChanged):
        other.turn([1], NOW)
    assert one.versions()[1].progress.n_seen == 600
    again = endpoint(opened)
    again.turn([1], NOW)
    assert again.versions()[1].progress.n_seen == 900
    assert opened.ledgers[1].note("place/2025-06-15") == "after 900"
