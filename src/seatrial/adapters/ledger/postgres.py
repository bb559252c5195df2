"""The ledger in PostgreSQL, for any number of machines."""

from __future__ import annotations

from seatrial.adapters.ledger.sql import SqlLedger
from seatrial.adapters.ledger.sql_rows import STEPS
from seatrial.adapters.store.postgres import PostgresDatabase, schema_in

_SCHEMA = "seatrial_ledger"


class PostgresLedger(SqlLedger):
    """`gateway.ledger.ledger.Ledger` in a schema of its own of a database, version 12 or later.

    One batch is applied at a time, whichever machine it comes from. Nothing is retried behind the
    caller's back.

    Args:
        url: ``postgresql://user:password@host:port/database``, as libpq reads it.
        schema: lower-case name of the schema; made when absent. Not that of a store.
        timeout_s: how long connecting, a statement, or a wait for another writer may take, > 0.
    Raises: StoreAddressInvalid, StoreUnavailable, StoreDenied, StoreFull, StoreNewer, MissingExtra.
    """

    def __init__(self, url: str, *, schema: str = _SCHEMA, timeout_s: float = 5.0) -> None:
        super().__init__(
            PostgresDatabase(url, schema=schema, timeout_s=timeout_s, steps=STEPS),
            tag_value="(nullif(tags, '')::json ->> ?::text)",
        )

    @classmethod
    def from_url(cls, url: str) -> PostgresLedger:
        """Open ``postgresql://...``; ``?schema=name`` chooses the schema."""
        address, schema = schema_in(url)
        return cls(address, schema=schema or _SCHEMA)
