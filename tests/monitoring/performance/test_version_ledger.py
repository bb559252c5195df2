"""What is kept of a version: a change is kept whole, and only by whoever knows what was there."""

from __future__ import annotations

import msgspec
import pytest
from served_models import REFERENCE, WINDOW_ROWS

from seatrial.kernel.errors import Conflict
from seatrial.monitoring.alerts.finding import Finding, Labels, Level
from seatrial.monitoring.performance.untold import Told, UntoldUnreadable
from seatrial.monitoring.performance.version_ledger import LedgerChanged, VersionLedger
from seatrial.testing.memory_pending import MemoryPending

TOLD = Told(findings=(Finding(labels=Labels(endpoint="churn", kind="x"), level=Level.CLEAR),))


def opened(pending: MemoryPending) -> VersionLedger:
    return VersionLedger(
        pending, REFERENCE.reference, of="churn version 1", window_rows=WINDOW_ROWS
    )


def seen(ledger: VersionLedger, n: int, *, told: Told | None = None) -> None:
    """A change after which so many predictions were seen."""
    with ledger.changing() as change:
        change.state = ledger.state
        change.progress = msgspec.structs.replace(ledger.progress, n_seen=n)
        change.told = told or Told()
        change.places = {"day": f"after {n}"}


def heard(ledger: VersionLedger) -> list[Told]:
    found: list[Told] = []
    ledger.tell(found.append)
    return found


def test_a_change_is_kept_whole_for_the_process_after() -> None:
    pending = MemoryPending()
    seen(opened(pending), 5, told=TOLD)
    again = opened(pending)
    assert (again.progress.n_seen, again.place("day"), again.place("other")) == (5, "after 5", None)
    assert heard(again) == [TOLD]
    assert heard(again) == heard(opened(pending)) == []


def test_a_change_that_raises_leaves_everything_as_it_was() -> None:
    ledger = opened(MemoryPending())
    seen(ledger, 5)

    def broken() -> None:
        with ledger.changing() as change:
            change.state = ledger.state
            change.progress = msgspec.structs.replace(ledger.progress, n_seen=9)
            change.places = {"day": "after 9"}
            change.told = TOLD
            ledger.pending.set_note("mine", "written")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert ledger.pending.note("mine") is None
    assert (ledger.progress.n_seen, ledger.place("day")) == (5, "after 5")
    assert heard(ledger) == []
    seen(ledger, 6)  # and it goes on


def test_a_place_alone_changes_nothing_else() -> None:
    pending = MemoryPending()
    ledger = opened(pending)
    seen(ledger, 5)
    with ledger.changing() as change:
        change.places = {"day": "after 7"}
    assert (opened(pending).progress.n_seen, opened(pending).place("day")) == (5, "after 7")
    seen(ledger, 6)


def test_who_was_overtaken_is_refused_and_changes_nothing() -> None:
    pending = MemoryPending()
    first, second = opened(pending), opened(pending)
    seen(first, 5)
    with pytest.raises(LedgerChanged, match="churn version 1 were taken in by another") as bad:
        seen(second, 7)
    assert isinstance(bad.value, Conflict)
    assert bad.value.retryable
    assert "Run one server" in bad.value.remedy
    assert (opened(pending).progress.n_seen, opened(pending).place("day")) == (5, "after 5")


def test_what_could_not_be_told_is_told_by_the_next_call_in_order() -> None:
    ledger = opened(MemoryPending())
    other = Told(findings=(Finding(labels=Labels(endpoint="churn", kind="y"), level=Level.CLEAR),))
    seen(ledger, 1, told=TOLD)
    seen(ledger, 2, told=other)
    got: list[Told] = []

    def once(told: Told) -> None:
        if got:
            raise OSError("away")
        got.append(told)

    with pytest.raises(OSError, match="away"):
        ledger.tell(once)
    assert got == [TOLD]
    assert heard(ledger) == [other]


def test_what_is_to_be_told_and_cannot_be_read_is_refused() -> None:
    pending = MemoryPending()
    pending.set_note("untold", "{}")
    with pytest.raises(UntoldUnreadable):
        opened(pending)
