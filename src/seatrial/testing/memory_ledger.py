"""The ledger in this process's memory: for tests and examples that need no durability."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from heapq import nlargest

from seatrial.gateway.ledger.batch import Account, Attempt, Batch
from seatrial.gateway.ledger.ledger import Balance, Lapsed, Operation, Outcome, time_part
from seatrial.gateway.ledger.usage import State, UsageQuestion, UsageSum, summed_each
from seatrial.kernel.store import StoreUnavailable


class MemoryLedger:
    """`gateway.ledger.ledger.Ledger` without a database; passes the same suite as the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = True
        self._accounts: dict[str, Account] = {}
        self._attempts: dict[str, Attempt] = {}

    def close(self) -> None:
        """See Ledger."""
        self._open = False

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """See Ledger."""
        with self._usable():
            return Batch(self._accounts, self._attempts).apply(operations)

    def sweep(self, *, now_us: int, keep_since_us: int) -> list[Lapsed]:
        """See Ledger."""
        with self._usable():
            expired = [
                key
                for key, attempt in self._attempts.items()
                if attempt.state is State.OPEN and attempt.expires_us <= now_us
            ]
            lapsed = Batch(self._accounts, self._attempts).lapse(expired)
            for key, attempt in list(self._attempts.items()):
                if attempt.state is not State.OPEN and key < time_part(keep_since_us):
                    del self._attempts[key]
            for name, account in list(self._accounts.items()):
                if account.ends_us is not None and account.ends_us < keep_since_us:
                    del self._accounts[name]
            return lapsed

    def balances(self, prefix: str, *, most: int | None = None) -> list[Balance]:
        """See Ledger."""
        with self._usable():
            found = [
                Balance(account=name, spent=account.spent, reserved=account.reserved)
                for name, account in sorted(self._accounts.items())
                if name.startswith(prefix)
            ]
        if most is not None:
            found = nlargest(most, found, key=lambda one: one.spent + one.reserved)
        return sorted(found, key=lambda one: one.account)

    def usage(self, question: UsageQuestion) -> list[UsageSum]:
        """See Ledger."""
        return self.usages([question])[0]

    def usages(self, questions: Sequence[UsageQuestion]) -> list[list[UsageSum]]:
        """See Ledger."""
        with self._usable():
            return summed_each(
                (
                    (attempt.state, attempt.record)
                    for attempt in self._attempts.values()
                    if attempt.record is not None
                ),
                questions,
            )

    def _usable(self) -> threading.Lock:
        if not self._open:
            raise StoreUnavailable("The ledger was closed.", remedy="Open it again.")
        return self._lock
