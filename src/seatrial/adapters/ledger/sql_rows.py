"""The ledger's rows in SQL: its tables, and how a batch is read from them and written back.

Rows go in several at a time: a statement costs more than its rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

from msgspec.json import decode, encode

from seatrial.adapters.store.database import Session
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.batch import Account, Attempt, Batch
from seatrial.gateway.ledger.ledger import Count, Operation, Reserve, Settle
from seatrial.gateway.ledger.usage import Record, State, tags_text

Row: TypeAlias = tuple[Any, ...]

STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE accounts (name {name} PRIMARY KEY, spent BIGINT NOT NULL, "
        "reserved BIGINT NOT NULL, ends_us BIGINT){clustered}",
        "CREATE TABLE reservations (id {name} PRIMARY KEY, amount BIGINT NOT NULL, "
        "accounts TEXT NOT NULL, owner TEXT NOT NULL, expires_us BIGINT NOT NULL, "
        "record TEXT NOT NULL){clustered}",
        "CREATE TABLE attempts (id {name} PRIMARY KEY, state SMALLINT NOT NULL, "
        "accounts TEXT NOT NULL, at_us BIGINT NOT NULL, provider TEXT NOT NULL, "
        "model TEXT NOT NULL, key_id TEXT, user_id TEXT, tags TEXT NOT NULL, cost BIGINT, "
        "price_version TEXT, estimated SMALLINT NOT NULL, input_tokens BIGINT, "
        "output_tokens BIGINT, cached_tokens BIGINT, cache_write_tokens BIGINT, "
        "cache_write_1h_tokens BIGINT, reasoning_tokens BIGINT, input_audio_tokens BIGINT, "
        "output_audio_tokens BIGINT, latency_us BIGINT, first_token_us BIGINT, "
        "cache TEXT NOT NULL, failure TEXT){clustered}",
    ),
    (
        "ALTER TABLE attempts ADD COLUMN instead_of TEXT",
        "ALTER TABLE attempts ADD COLUMN n BIGINT NOT NULL DEFAULT 1",
    ),
)
"""Each step leads from one version of the tables to the next; one once released never changes.

Ids begin with the time, so attempts are written at the end of their table and found by time without
an index. Reservations are few, and read in full to find those that expired.
"""

_ACCOUNT = ("name", "spent", "reserved", "ends_us")
_RESERVATION = ("id", "amount", "accounts", "owner", "expires_us", "record")
_ATTEMPT = (
    "id",
    "state",
    "accounts",
    "at_us",
    "provider",
    "model",
    "key_id",
    "tags",
    "cost",
    "price_version",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "latency_us",
    "cache",
    "n",
)
_ATTEMPT_RARELY = ("user_id", "first_token_us", "failure", "instead_of")
"""Columns that are NULL in most rows, and left out of these: to bind a NULL takes Python's sqlite3
longer than to bind a number, as it looks for an adapter."""
_STATES = {State.SETTLED: 1, State.LAPSED: 2, State.COUNTED: 3}
_NO_TOKENS = (None,) * 8
_AT_ONCE = 32


def read_batch(session: Session, operations: Sequence[Operation]) -> Batch:
    """The attempts and accounts that operations are about."""
    ids = list(dict.fromkeys(chain.from_iterable(map(_ids, operations))))
    attempts = {row[0]: _reservation(row) for row in _found(session, "reservations", _OPEN, ids)}
    others = [key for key in ids if key not in attempts]
    for key, state, accounts, cost in _found(session, "attempts", _CLOSED, others):
        attempts[key] = Attempt(
            State.LAPSED if state == _STATES[State.LAPSED] else State.SETTLED,
            cost or 0,
            _split(accounts),
        )
    names = _names(attempts.values())
    for operation in operations:
        if isinstance(operation, Reserve):
            names.update([charge.account for charge in operation.charges])
    return Batch(_accounts(session, names), attempts)


def read_expired(session: Session, now_us: int, *, most: int) -> Batch:
    """Reservations that have expired, with their accounts."""
    query = f"SELECT {', '.join(_RESERVATION)} FROM reservations WHERE expires_us <= ? LIMIT ?"  # noqa: S608 - ours
    attempts = {row[0]: _reservation(row) for row in session.rows(query, (now_us, most))}
    return Batch(_accounts(session, _names(attempts.values())), attempts)


_OPEN = ", ".join(_RESERVATION[:-1])
_CLOSED = "id, state, accounts, cost"


def _ids(operation: Operation) -> tuple[str, ...]:
    if isinstance(operation, Count):
        return ()
    if not isinstance(operation, Settle):
        return (operation.id,)
    own, allowance = operation.record.id, operation.allowance
    return (own,) if allowance is None else (own, allowance)


def _names(attempts: Iterable[Attempt]) -> set[str]:
    return {name for attempt in attempts for name in attempt.accounts}


def _accounts(session: Session, names: Iterable[str]) -> dict[str, Account]:
    rows = _found(session, "accounts", "name, spent, reserved, ends_us", list(names))
    return {name: Account(spent, reserved, ends_us) for name, spent, reserved, ends_us in rows}


def _found(session: Session, table: str, columns: str, keys: list[str]) -> list[Row]:
    rows: list[Row] = []
    for some in _portions(keys):
        rows += session.rows(_select(table, columns, len(some)), some)
    return rows


@lru_cache
def _select(table: str, columns: str, n: int) -> str:
    key = columns.partition(",")[0]
    return f"SELECT {columns} FROM {table} WHERE {key} IN ({', '.join('?' * n)})"  # noqa: S608 - ours


def _reservation(row: Row) -> Attempt:
    _, amount, accounts, owner, expires_us = row[:5]
    record = decode(row[5], type=Record) if len(row) > 5 else None
    return Attempt(State.OPEN, amount, _split(accounts), owner, expires_us, record)


def _split(accounts: str) -> tuple[str, ...]:
    return tuple(accounts.split("\n")) if accounts else ()


def open_ones(batch: Batch) -> set[str]:
    """Whose reservation stands in the table, of a batch as it was read."""
    return {key for key, one in batch.attempts.items() if one.state is State.OPEN}


def write_batch(session: Session, batch: Batch, held: Collection[str]) -> None:
    """Keep what changed.

    Args: held: attempts whose reservation stands in the table; of most that are settled none does.
    """
    _put(
        session,
        "accounts",
        _ACCOUNT,
        [
            (name, account.spent, account.reserved, account.ends_us)
            for name in batch.changed_accounts
            for account in (batch.accounts[name],)
        ],
    )
    reserved, plain, closed = [], [], []
    gone = list(batch.dropped)
    for key in batch.changed_attempts:
        attempt = batch.attempts[key]
        if attempt.state is State.OPEN:
            reserved.append(_reserved_row(key, attempt))
        else:
            rare = _rare_values(attempt)
            if rare == _ALL_NULL:
                plain.append(_closed_row(key, attempt))
            else:
                closed.append(_closed_row(key, attempt) + rare)
            gone.append(key)
    _remove(session, "reservations", [key for key in gone if key in held])
    _remove(session, "attempts", list(batch.dropped))
    _put(session, "reservations", _RESERVATION, reserved)
    _put(session, "attempts", _ATTEMPT, plain, left_out=_ATTEMPT_RARELY)
    _put(session, "attempts", _ATTEMPT + _ATTEMPT_RARELY, closed)
    for key in batch.reduced - batch.changed_attempts.keys() - batch.dropped:
        attempt = batch.attempts[key]
        session.change(_REDUCED[attempt.state], (attempt.amount, key))


_REDUCED = {
    State.OPEN: "UPDATE reservations SET amount = ? WHERE id = ?",
    State.LAPSED: "UPDATE attempts SET cost = ? WHERE id = ?",
}


def _put(
    session: Session,
    table: str,
    columns: tuple[str, ...],
    rows: list[Row],
    *,
    left_out: tuple[str, ...] = (),
) -> None:
    """Insert rows, or change those that are there.

    Args: left_out: further columns, which are NULL then.
    """
    for some in _portions(rows):
        statement = _upsert(table, columns, left_out, len(some))
        session.change(statement, list(chain.from_iterable(some)))


@lru_cache
def _upsert(table: str, columns: tuple[str, ...], left_out: tuple[str, ...], n: int) -> str:
    place = f"({', '.join('?' * len(columns))})"
    changes = ", ".join(f"{name} = excluded.{name}" for name in (*columns[1:], *left_out))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 - ours
        f"VALUES {', '.join([place] * n)} ON CONFLICT ({columns[0]}) DO UPDATE SET {changes}"
    )


def _remove(session: Session, table: str, ids: list[str]) -> None:
    for some in _portions(ids):
        session.change(_delete(table, len(some)), some)


@lru_cache
def _delete(table: str, n: int) -> str:
    return f"DELETE FROM {table} WHERE id IN ({', '.join('?' * n)})"  # noqa: S608 - ours


def _portions(rows: list[Any]) -> Iterator[list[Any]]:
    # Sizes are powers of two, so that few statements are compiled, and each only once.
    start, n = 0, len(rows)
    while start < n:
        size = min(_AT_ONCE, 1 << ((n - start).bit_length() - 1))
        yield rows[start : start + size]
        start += size


def _reserved_row(key: str, attempt: Attempt) -> Row:
    return (
        key,
        attempt.amount,
        "\n".join(attempt.accounts),
        attempt.owner,
        attempt.expires_us,
        encode(attempt.record).decode(),
    )


def _closed_row(key: str, attempt: Attempt) -> Row:
    record = attempt.record
    assert record is not None
    payer = record.payer
    return (
        key,
        _STATES[attempt.state],
        "\n".join(attempt.accounts),
        record.at_us,
        payer.provider,
        payer.model,
        payer.key,
        tags_text(payer.tags),
        record.cost,
        record.price_version,
        int(record.estimated),
        *_tokens(record.usage),
        record.latency_us,
        str(record.cache),
        record.n,
    )


_ALL_NULL = (None,) * len(_ATTEMPT_RARELY)


def _rare_values(attempt: Attempt) -> Row:
    record = attempt.record
    assert record is not None
    return record.payer.user, record.first_token_us, record.failure, record.instead_of


def _tokens(usage: Usage | None) -> Row:
    if usage is None:
        return _NO_TOKENS
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        usage.input_audio_tokens,
        usage.output_audio_tokens,
    )
