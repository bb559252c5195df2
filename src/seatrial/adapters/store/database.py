"""What stores in tables need of a database: sessions, transactions, and a schema that grows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from seatrial.kernel.store import StoreNewer

Row: TypeAlias = tuple[Any, ...]
Steps: TypeAlias = Sequence[Sequence[str]]


class Session(Protocol):
    """A connection, inside a transaction or for one statement."""

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run a query and fetch all of it."""
        ...

    def change(self, statement: str, values: Sequence[object] = ()) -> int:
        """Run a statement; returns how many rows it touched."""
        ...

    def change_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once per row of values."""
        ...

    def wall_us(self) -> int:
        """Microseconds since 1970, for people."""
        ...

    def steady_us(self) -> int:
        """Microseconds of the clock that leases and ages go by, shared by all processes."""
        ...


class Database(Protocol):
    """Sessions on one database; all raise the store's errors."""

    def prepare(self) -> None:
        """Make or check the tables; several processes may do so at once."""
        ...

    def reading(self) -> AbstractContextManager[Session]:
        """A session whose statements each see what was committed."""
        ...

    def writing(self, table: str, *, durable: bool) -> AbstractContextManager[Session]:
        """A transaction, the only one that writes ``table`` until it ends.

        Whoever commits later also gets the higher positions, so readers miss nothing.

        Args:
            table: what is serialised.
            durable: whether a commit survives a power cut, not just the end of the process.
        """
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


def spelled(steps: Steps, **words: str) -> tuple[tuple[str, ...], ...]:
    """Migrations in one database's words for its types and keys."""
    return tuple(tuple(statement.format(**words) for statement in step) for step in steps)


def migrate(session: Session, steps: Steps) -> None:
    """Bring the schema to its newest version; inside a transaction that excludes others."""
    session.change(
        "CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, at_us BIGINT NOT NULL)"
    )
    for version in range(schema_version(session, steps) + 1, len(steps) + 1):
        for statement in steps[version - 1]:
            session.change(statement)
        session.change("INSERT INTO migrations VALUES (?, ?)", (version, session.wall_us()))


def schema_version(session: Session, steps: Steps) -> int:
    """The version of the schema, of a database that has the table of migrations.

    Raises: StoreNewer when it is beyond ``steps``.
    """
    found: int = session.rows("SELECT coalesce(max(version), 0) FROM migrations")[0][0]
    if found > len(steps):
        raise StoreNewer(
            f"The store has schema version {found}; this seatrial knows up to {len(steps)}.",
            remedy="Upgrade seatrial, or open a store of its own version.",
            found=found,
            known=len(steps),
        )
    return found
