"""Puts the desk together that shows what is spent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from seatrial.gateway.ledger.late import LateLedger
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.store import FactLog
from seatrial.wiring.gateway import ledger_url, open_ledger
from seatrial.wiring.workspace import Workspace


def spend_ledger(workspace: Workspace) -> Ledger:
    """The ledger that a server reads for people; it need not be there yet."""
    return LateLedger(partial(open_ledger, ledger_url(workspace)))


def spend_desk(workspace: Workspace, facts: FactLog, ledger: Ledger) -> SpendDesk:
    """The desk over an open ledger.

    Args:
        facts: where the keys of callers are kept.
    """
    return SpendDesk(
        ledger,
        [one.budget() for one in workspace.settings.gateway.budgets],
        KeyDesk(facts, now=SystemClock().now).ring,
        wall=time.time,
        now=time.monotonic,
    )


@contextmanager
def opened_spend_desk(workspace: Workspace) -> Iterator[SpendDesk]:
    """The desk of a command.   Raises: the errors of the ledger and of the store."""
    ledger = open_ledger(ledger_url(workspace))
    try:
        store = workspace.open_store()
        try:
            yield spend_desk(workspace, store, ledger)
        finally:
            store.close()
    finally:
        ledger.close()
