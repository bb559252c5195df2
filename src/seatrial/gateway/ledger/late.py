"""A ledger that need not be there yet when the process starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from seatrial.gateway.ledger.ledger import Balance, Lapsed, Ledger, Operation, Outcome
from seatrial.gateway.ledger.usage import UsageQuestion, UsageSum
from seatrial.kernel.errors import Unavailable


class LateLedger:
    """A `Ledger` that is opened again with each call until that succeeds.

    Whoever serves models, too, starts without it, and calls that need it say what is missing.

    Args:
        open_ledger: opens it.
    Raises: what ``open_ledger`` raises, unless it is Unavailable: that may pass.
    """

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        self._open = open_ledger
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        with suppress(Unavailable):
            self._opened()

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """See Ledger."""
        return self._opened().apply(operations)

    def sweep(self, *, now_us: int, keep_since_us: int) -> list[Lapsed]:
        """See Ledger."""
        return self._opened().sweep(now_us=now_us, keep_since_us=keep_since_us)

    def balances(self, prefix: str, *, most: int | None = None) -> list[Balance]:
        """See Ledger."""
        return self._opened().balances(prefix, most=most)

    def usage(self, question: UsageQuestion) -> list[UsageSum]:
        """See Ledger."""
        return self._opened().usage(question)

    def usages(self, questions: Sequence[UsageQuestion]) -> list[list[UsageSum]]:
        """See Ledger."""
        return self._opened().usages(questions)

    def close(self) -> None:
        """See Ledger."""
        if self._ledger is not None:
            self._ledger.close()

    def _opened(self) -> Ledger:
        with self._lock:
            if self._ledger is None:
                self._ledger = self._open()
            return self._ledger
