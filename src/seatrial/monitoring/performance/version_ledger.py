"""What is kept of one version's performance, changed whole or not at all.

The sums, how far the log was read and what is still to be told lie beside the predictions that wait
in one ledger. Whoever changes it first has to find it as it was left: another process may have
written meanwhile, and then this one knows too little to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec

from seatrial.kernel.errors import Conflict
from seatrial.monitoring.performance import untold
from seatrial.monitoring.performance.ledger_notes import (
    CLASSES,
    PLACE,
    PROGRESS,
    STATE,
    UNTOLD,
    WIDTH,
    kept_of,
)
from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.progress import Progress
from seatrial.monitoring.performance.record import state_to_dict
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.state import PerformanceState, start, steps_of_window
from seatrial.monitoring.performance.untold import Told


class LedgerChanged(Conflict):
    """Another process has written what this one believed to be its own."""

    code = "monitoring.ledger_changed"
    retryable = True


@dataclass(slots=True)
class Change:
    """What is to be kept when a block ends.

    Args:
        state, progress: afterwards, both or neither; None leaves them as they are.
        told: what is to be told of it.
        places: how far parts of the log were read.
    """

    state: PerformanceState | None = None
    progress: Progress | None = None
    told: Told = field(default_factory=Told)
    places: dict[str, str] = field(default_factory=dict)


class VersionLedger:
    """A ledger as its one writer knows it. Not thread-safe.

    Args:
        pending: the ledger.
        reference: what the version is held against.
        of: whose it is, for a person.
        window_rows: of a window, if this is a new ledger, >= 1.
    Raises: BadPerformanceRecord, stats.fusion_record.BadFusion, UntoldUnreadable: a ledger that
        cannot be read.

    Attributes: ``pending`` as given; ``state`` and ``progress`` as of the last change.
    """

    def __init__(
        self, pending: Ledger, reference: PerformanceReference, *, of: str, window_rows: int
    ) -> None:
        self.pending = pending
        self._of = of
        kept = kept_of(pending)
        if kept is None:
            steps = steps_of_window(window_rows)
            kept = start(reference, steps_per_window=steps), Progress(window_rows=window_rows)
        self.state, self.progress = kept
        self._mark = pending.note(STATE), pending.note(PROGRESS)
        self._untold = untold.decode(pending.note(UNTOLD) or "")
        for name, held in ((CLASSES, reference.classes), (WIDTH, reference.width)):
            text = msgspec.json.encode(held).decode()
            if pending.note(name) != text:
                pending.set_note(name, text)

    def place(self, part: str) -> str | None:
        """How far a part of the log was read; None when it was not."""
        return self.pending.note(PLACE + part)

    def tell(self, tell: Callable[[Told], None]) -> None:
        """Hand on what was found, at least once: it is forgotten when ``tell`` returns.

        Raises: StoreUnavailable and its kin: the rest is told by the next call, also of a process
            that starts anew.
        """
        while self._untold:
            tell(self._untold[0])
            rest = self._untold[1:]
            with self.changing():
                self.pending.set_note(UNTOLD, untold.encode(rest))
            self._untold = rest

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """What is done to the ledger within, and what the change says, is kept when the block ends;
        nothing of it is when it raises.

        Raises: LedgerChanged; StoreUnavailable and its kin.
        """
        change = Change()
        with self.pending.at_once():
            if (self.pending.note(STATE), self.pending.note(PROGRESS)) != self._mark:
                raise LedgerChanged(
                    f"The labels of {self._of} were taken in by another process meanwhile.",
                    remedy="Run one server on this home; the ledger is read anew.",
                )
            yield change
            mark, rounds = self._write(change)
        # Only what was kept is known.
        self._mark, self._untold = mark, rounds
        if change.state is not None and change.progress is not None:
            self.state, self.progress = change.state, change.progress

    def _write(self, change: Change) -> tuple[tuple[str | None, str | None], tuple[Told, ...]]:
        for part, place in change.places.items():
            self.pending.set_note(PLACE + part, place)
        mark, rounds = self._mark, self._untold
        if change.state is not None and change.progress is not None:
            mark = (
                msgspec.json.encode(state_to_dict(change.state)).decode(),
                msgspec.json.encode(change.progress).decode(),
            )
            self.pending.set_note(STATE, mark[0] or "")
            self.pending.set_note(PROGRESS, mark[1] or "")
        if change.told:
            rounds = (*self._untold, *untold.rounds_of(change.told))
            self.pending.set_note(UNTOLD, untold.encode(rounds))
        return mark, rounds
