"""What the store means in SQL: one set of tables and statements for SQLite and PostgreSQL.

An adapter brings a `Database`: connections, transactions, clocks and its errors as ours. Both speak
the same statements, written with ``?``. All times are whole microseconds, so that both keep them
exactly; text is compared and sorted by code point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, timedelta

from seatrial.adapters.store.database import Database, Row, Session
from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.lease import Held, bid
from seatrial.kernel.plain import check_name, decode, encode
from seatrial.kernel.store import (
    ANSWERS,
    Beat,
    Lease,
    Slice,
    check_aware,
    check_limit,
    check_ttl,
    stream_changed,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_DAY_S = 86_400
_PRUNED_AT_ONCE = 5_000

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE facts (seq {position}, stream {name} NOT NULL, "
        "revision BIGINT NOT NULL, kind {name} NOT NULL, schema_version BIGINT NOT NULL, "
        "data TEXT NOT NULL, at_us BIGINT NOT NULL, author {name} NOT NULL, "
        "UNIQUE (stream, revision))",
        "CREATE INDEX facts_by_stream ON facts (stream, seq)",
        "CREATE TABLE leases (name {name} PRIMARY KEY, holder {name} NOT NULL, "
        "token BIGINT NOT NULL, until_us BIGINT NOT NULL, ttl_us BIGINT NOT NULL)",
        "CREATE TABLE beats (name {name} PRIMARY KEY, data TEXT NOT NULL, at_us BIGINT NOT NULL)",
        "CREATE TABLE slices (position {counter}, endpoint {name} NOT NULL, "
        "version BIGINT NOT NULL, revision BIGINT NOT NULL, worker {name} NOT NULL, "
        "start_us BIGINT NOT NULL, width_s DOUBLE PRECISION NOT NULL, summary {bytes} NOT NULL)",
        "CREATE INDEX slices_by_endpoint ON slices (endpoint, position)",
        "CREATE INDEX slices_by_start ON slices (start_us)",
    ),
    (
        "ALTER TABLE slices ADD COLUMN kind {name} NOT NULL DEFAULT 'answers'",
        "DROP INDEX slices_by_endpoint",
        "CREATE INDEX slices_by_kind ON slices (endpoint, kind, position)",
    ),
)
"""Each step leads from one version of the schema to the next; a step once released never changes.

`spelled` fills in ``{name}``, ``{bytes}``, ``{position}`` (a key that we give), ``{counter}`` (one
that the database gives, never twice) and ``{clustered}`` (after a table: its rows lie in the order
of its key, where the database can).
"""


class SqlStore:
    """`kernel.store.Store` over a `Database`, which it prepares, and closes if that fails."""

    def __init__(self, database: Database) -> None:
        self._database = database
        try:
            database.prepare()
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """See Store."""
        self._database.close()

    # --- facts

    def append(self, stream: str, drafts: Sequence[Draft], *, expected: int) -> list[Fact]:
        """See FactLog."""
        check_name(stream, "stream")
        if not drafts:
            raise Invalid("There is no fact to append.", remedy="Pass at least one draft.")
        texts = [encode(draft.data, f"data of {draft.kind}") for draft in drafts]
        with self._database.writing("facts", durable=True) as session:
            _expect(session, stream, expected)
            seq: int = session.rows("SELECT coalesce(max(seq), 0) FROM facts")[0][0]
            at_us = session.wall_us()
            rows = [
                (seq + i, stream, expected + i, d.kind, d.schema, text, at_us, d.by)
                for i, (d, text) in enumerate(zip(drafts, texts, strict=True), 1)
            ]
            session.change_many("INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return [_fact(row) for row in rows]

    def read(self, *, stream: str | None = None, after: int = 0, limit: int = 1000) -> list[Fact]:
        """See FactLog."""
        check_limit(limit)
        of_stream, values = ("", ()) if stream is None else ("stream = ? AND ", (stream,))
        with self._database.reading() as session:
            rows = session.rows(
                "SELECT seq, stream, revision, kind, schema_version, data, at_us, author "  # noqa: S608
                f"FROM facts WHERE {of_stream}seq > ? ORDER BY seq LIMIT ?",
                (*values, after, limit),
            )
        return [_fact(row) for row in rows]

    def streams(self, prefix: str = "") -> list[str]:
        """See FactLog."""
        with self._database.reading() as session:
            # Jumps from name to name in the index instead of reading every fact.
            rows = session.rows(
                "WITH RECURSIVE names (name) AS (SELECT min(stream) FROM facts UNION ALL "
                "SELECT (SELECT min(stream) FROM facts WHERE stream > name) FROM names "
                "WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL"
            )
        return sorted(name for (name,) in rows if name.startswith(prefix))

    def head(self) -> int:
        """See FactLog."""
        with self._database.reading() as session:
            seq: int = session.rows("SELECT coalesce(max(seq), 0) FROM facts")[0][0]
            return seq

    # --- leases

    def acquire(self, name: str, holder: str, *, ttl_s: float) -> Lease | None:
        """See Leases."""
        check_name(name, "lease")
        check_name(holder, "holder")
        check_ttl(ttl_s)
        # Not durable by itself: a fact written under the lease comes later in the same log, so its
        # commit makes the lease durable too, and a token never shown to anybody may be lost.
        with self._database.writing("leases", durable=False) as session:
            rows = session.rows(
                "SELECT holder, token, until_us, ttl_us FROM leases WHERE name = ?", (name,)
            )
            before = _held(rows[0]) if rows else None
            after = bid(before, holder, now_us=session.steady_us(), ttl_us=int(ttl_s * 1e6))
            if after != before:
                session.change(
                    "INSERT INTO leases (holder, token, until_us, ttl_us, name) "
                    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                    "holder = excluded.holder, token = excluded.token, "
                    "until_us = excluded.until_us, ttl_us = excluded.ttl_us",
                    (*astuple(after), name),
                )
        if after.holder != holder:
            return None
        return Lease(name=name, holder=holder, token=after.token)

    def release(self, lease: Lease) -> None:
        """See Leases."""
        with self._database.writing("leases", durable=False) as session:
            session.change(
                "UPDATE leases SET holder = '' WHERE name = ? AND holder = ? AND token = ?",
                (lease.name, lease.holder, lease.token),
            )

    # --- presence

    def beat(self, name: str, data: Mapping[str, object]) -> None:
        """See Presence."""
        check_name(name, "process")
        text = encode(data, f"beat of {name}")
        with self._database.writing("beats", durable=False) as session:
            now_us = session.steady_us()
            session.change("DELETE FROM beats WHERE at_us < ?", (now_us - _DAY_S * 1_000_000,))
            session.change(
                "INSERT INTO beats VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "data = excluded.data, at_us = excluded.at_us",
                (name, text, now_us),
            )

    def present(self, prefix: str = "", *, within_s: float = 5.0) -> list[Beat]:
        """See Presence."""
        with self._database.reading() as session:
            rows = session.rows("SELECT name, data, at_us FROM beats")
            now_us = session.steady_us()
        if any(at_us > now_us for _, _, at_us in rows):
            self._pull_back_beats()
        ages = ((name, text, max(0, now_us - at_us) / 1e6) for name, text, at_us in rows)
        return [
            Beat(name=name, data=decode(text), age_s=age_s)
            for name, text, age_s in sorted(ages)
            if name.startswith(prefix) and age_s <= within_s
        ]

    def _pull_back_beats(self) -> None:
        # The clock was set back. Left alone, a process that died would seem alive until the clock
        # has caught up.
        with self._database.writing("beats", durable=False) as session:
            now_us = session.steady_us()
            session.change("UPDATE beats SET at_us = ? WHERE at_us > ?", (now_us, now_us))

    def forget(self, name: str) -> None:
        """See Presence."""
        with self._database.writing("beats", durable=False) as session:
            session.change("DELETE FROM beats WHERE name = ?", (name,))

    # --- slices

    def add_slices(self, slices: Sequence[Slice]) -> None:
        """See Slices."""
        if not slices:
            return
        rows = [
            (
                *(s.endpoint, s.version, s.revision, s.worker),
                *(to_us(s.start), s.width_s, s.summary, s.kind),
            )
            for s in slices
        ]
        with self._database.writing("slices", durable=False) as session:
            session.change_many(
                "INSERT INTO slices (endpoint, version, revision, worker, start_us, width_s, "
                "summary, kind) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def read_slices(
        self, endpoint: str, *, kind: str = ANSWERS, after: int = 0, limit: int = 10_000
    ) -> list[tuple[int, Slice]]:
        """See Slices."""
        check_limit(limit)
        with self._database.reading() as session:
            rows = session.rows(
                "SELECT position, endpoint, version, revision, worker, start_us, width_s, summary, "
                "kind FROM slices WHERE endpoint = ? AND kind = ? AND position > ? "
                "ORDER BY position LIMIT ?",
                (endpoint, kind, after, limit),
            )
        return [(row[0], _slice(row[1:])) for row in rows]

    def prune_slices(self, *, before: datetime, kind: str | None = None) -> int:
        """See Slices."""
        check_aware(before, "The time to prune before")
        dropped = 0
        while True:  # in short transactions, so that nobody waits long behind this
            with self._database.writing("slices", durable=False) as session:
                n = session.change(
                    "DELETE FROM slices WHERE position IN "
                    "(SELECT position FROM slices WHERE start_us < ? AND kind LIKE ? LIMIT ?)",
                    (to_us(before), kind or "%", _PRUNED_AT_ONCE),
                )
            dropped += n
            if n < _PRUNED_AT_ONCE:
                return dropped


def _expect(session: Session, stream: str, expected: int) -> None:
    found: int = session.rows(
        "SELECT coalesce(max(revision), 0) FROM facts WHERE stream = ?", (stream,)
    )[0][0]
    if found != expected:
        raise stream_changed(stream, expected=expected, found=found)


def _fact(row: Row) -> Fact:
    seq, stream, revision, kind, schema, text, at_us, by = row
    data: dict[str, object] = {}
    damage = ""
    try:
        data = decode(text)
    except ValueError as problem:  # one fact may not keep all others from being read
        damage = f"its data is damaged: {problem}"
    return Fact(
        seq=seq,
        stream=stream,
        revision=revision,
        kind=kind,
        schema=schema,
        data=data,
        at=_EPOCH + at_us * _US,
        by=by,
        damage=damage,
    )


def _held(row: Row) -> Held:
    holder, token, until_us, ttl_us = row
    return Held(holder=holder, token=token, until_us=until_us, ttl_us=ttl_us)


def _slice(row: Row) -> Slice:
    endpoint, version, revision, worker, start_us, width_s, summary, kind = row
    return Slice(
        endpoint=endpoint,
        version=version,
        revision=revision,
        worker=worker,
        start=_EPOCH + start_us * _US,
        width_s=width_s,
        summary=summary,
        kind=kind,
    )


def to_us(at: datetime) -> int:
    """Whole microseconds since 1970 of an aware time."""
    return (at - _EPOCH) // _US
