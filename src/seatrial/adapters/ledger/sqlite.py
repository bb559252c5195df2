"""The ledger in one SQLite file: the default, for any number of processes of one machine."""

from __future__ import annotations

from pathlib import Path

from seatrial.adapters.ledger.sql import SqlLedger
from seatrial.adapters.ledger.sql_rows import STEPS
from seatrial.adapters.store.sqlite import SqliteDatabase, path_in
from seatrial.kernel.clock import SystemClock

_APPLICATION_ID = 0x5EA7_21A4
_ASK_EVERY_S = 0.001
"""About as long as a batch takes: calls wait for it."""


class SqliteLedger(SqlLedger):
    """`gateway.ledger.ledger.Ledger` in a file, with a write-ahead log beside it.

    What was reserved is on the disk when a call returns: no power cut takes back that a provider
    was asked. Safe to use from any thread, and in a child after a fork.

    Args:
        path: the file; made when absent, its folder must be there. Not on a network drive.
        busy_timeout_s: how long to wait for another writer, >= 0.
    Raises: StoreMissing, StoreDenied, StoreDamaged, StoreNewer, StoreAddressInvalid,
        StoreUnavailable, StoreFull.
    """

    def __init__(self, path: Path | str, *, busy_timeout_s: float = 5.0) -> None:
        super().__init__(
            SqliteDatabase(
                Path(path).absolute(),
                busy_timeout_s,
                SystemClock(),
                steps=STEPS,
                application_id=_APPLICATION_ID,
                ask_every_s=_ASK_EVERY_S,
            ),
            tag_value="(SELECT value FROM json_each(nullif(tags, '')) WHERE key = ?)",
        )

    @classmethod
    def from_url(cls, url: str) -> SqliteLedger:
        """Open ``sqlite:///relative/file.db`` or ``sqlite:////absolute/file.db``."""
        return cls(path_in(url))
