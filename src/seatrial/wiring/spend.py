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


def spend_desk(workspace: Workspace, facts: FactLog) -> SpendDesk:
    """The desk of a server, which need not find its ledger there yet.

    Args:
        facts: where the keys of callers are kept.
    """
    return _desk(workspace, facts, LateLedger(partial(open_ledger, ledger_url(workspace))))


@contextmanager
def opened_spend_desk(workspace: Workspace) -> Iterator[SpendDesk]:
    """The desk of a command.   Raises: the errors of the ledger and of the store."""
    ledger = open_ledger(ledger_url(workspace))
    try:
        store = workspace.open_store()
        try:
            yield _desk(workspace, store, ledger)
        finally:
            store.close()
    finally:
        ledger.close()


def _desk(workspace: Workspace, facts: FactLog, ledger: Ledger) -> SpendDesk:
    return SpendDesk(
        ledger,
        [one.budget() for one in workspace.settings.gateway.budgets],
        KeyDesk(facts, now=SystemClock().now).ring,
        wall=time.time,
        now=time.monotonic,
    )
