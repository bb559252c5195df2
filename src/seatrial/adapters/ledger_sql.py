"""What a ledger means in SQL: one set of tables and statements for SQLite and PostgreSQL.

A batch is read, decided by `gateway.ledger.batch`, and written, under the one lock that writers
have. Rows go in several at a time: a statement costs more than its rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

from msgspec.json import decode, encode

from seatrial.adapters.sql import Database, Session
from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.batch import Account, Attempt, Batch
from seatrial.gateway.ledger.ledger import (
    Balance,
    Count,
    Lapsed,
    Operation,
    Outcome,
    Reserve,
    Settle,
    time_part,
)
from seatrial.gateway.ledger.usage import (
    By,
    Record,
    State,
    UsageQuestion,
    UsageSum,
    day_name,
    hour_name,
    merged,
    minute_name,
    most_of,
    tags_text,
)

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
_SWEPT_AT_ONCE = 500
_FORGOTTEN_AT_ONCE = 5_000


class SqlLedger:
    """`gateway.ledger.ledger.Ledger` over a `Database`, which it prepares, and closes if that
    fails.

    Args:
        tag_value: the value of the tag ``?`` in the column ``tags``, in the database's own words.
    """

    def __init__(self, database: Database, *, tag_value: str) -> None:
        self._database = database
        self._groups = {**_GROUPS, By.TAG: tag_value}
        try:
            database.prepare()
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """See Ledger."""
        self._database.close()

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """See Ledger."""
        if not operations:
            return []
        durable = any(isinstance(operation, Reserve) for operation in operations)
        with self._database.writing("ledger", durable=durable) as session:
            batch = _read(session, operations)
            held = _open_ones(batch)
            outcomes = batch.apply(operations)
            _write(session, batch, held)
        return outcomes

    def sweep(self, *, now_us: int, keep_since_us: int) -> list[Lapsed]:
        """See Ledger."""
        lapsed: list[Lapsed] = []
        while True:  # in short transactions, so that nobody waits long behind this
            some = self._lapse(now_us)
            lapsed += some
            if len(some) < _SWEPT_AT_ONCE:
                break
        while self._forget(keep_since_us) == _FORGOTTEN_AT_ONCE:
            pass
        return lapsed

    def balances(self, prefix: str, *, most: int | None = None) -> list[Balance]:
        """See Ledger."""
        query = "SELECT name, spent, reserved FROM accounts WHERE name >= ? AND name < ? ORDER BY "
        with self._database.reading() as session:
            span: list[object] = [prefix, f"{prefix}\U0010ffff"]
            if most is None:
                rows = session.rows(query + "name", span)
            else:  # halves: their sum may be beyond 64 bits
                most_first = "spent / 2 + reserved / 2 DESC LIMIT ?"
                rows = session.rows(query + most_first, [*span, most])
        return [
            Balance(account=name, spent=spent, reserved=reserved)
            for name, spent, reserved in sorted(rows)
        ]

    def usage(self, question: UsageQuestion) -> list[UsageSum]:
        """See Ledger."""
        columns = [self._groups[by] for by in question.by]
        tail = f"GROUP BY {', '.join(str(n + 1) for n in range(len(columns)))}" if columns else ""
        values: list[object] = [question.tag for by in question.by if by is By.TAG]
        values += [time_part(question.since_us), time_part(question.until_us)]
        if question.most is not None:
            tail += f" ORDER BY {_COST} DESC, sum(n) DESC LIMIT ?"
            values.append(question.most)
        with self._database.reading() as session:
            rows = session.rows(
                f"SELECT {', '.join([*columns, *_SUMS])} FROM attempts "  # noqa: S608 - ours
                f"WHERE id >= ? AND id < ? {tail}",
                values,
            )
        return most_of(
            merged(one for row in rows if (one := _sum(row, question)).n_calls), question
        )

    def usages(self, questions: Sequence[UsageQuestion]) -> list[list[UsageSum]]:
        """See Ledger."""
        return [self.usage(question) for question in questions]

    def _lapse(self, now_us: int) -> list[Lapsed]:
        expired = "FROM reservations WHERE expires_us <= ?"
        with self._database.reading() as session:
            if not session.rows(f"SELECT 1 {expired} LIMIT 1", (now_us,)):
                return []
        with self._database.writing("ledger", durable=True) as session:
            rows = session.rows(
                f"SELECT {', '.join(_RESERVATION)} {expired} LIMIT ?", (now_us, _SWEPT_AT_ONCE)
            )
            attempts = {row[0]: _reservation(row) for row in rows}
            batch = Batch(_accounts(session, _names(attempts.values())), attempts)
            lapsed = batch.lapse(list(attempts))
            _write(session, batch, attempts.keys())
        return lapsed

    def _forget(self, before_us: int) -> int:
        oldest = "SELECT id FROM attempts WHERE id < ? ORDER BY id LIMIT ?"
        ended = "FROM accounts WHERE ends_us < ?"
        before = time_part(before_us)
        with self._database.reading() as session:
            if not session.rows(oldest, (before, 1)) and not session.rows(
                f"SELECT name {ended} LIMIT 1", (before_us,)
            ):
                return 0
        with self._database.writing("ledger", durable=True) as session:
            session.change(f"DELETE {ended}", (before_us,))
            return session.change(
                f"DELETE FROM attempts WHERE id IN ({oldest})",  # noqa: S608 - ours
                (before, _FORGOTTEN_AT_ONCE),
            )


_GROUPS = {
    By.MINUTE: "at_us / 60000000",
    By.HOUR: "at_us / 3600000000",
    By.DAY: "at_us / 86400000000",
    By.KEY: "key_id",
    By.USER: "user_id",
    By.PROVIDER: "provider",
    By.MODEL: "model",
    By.TAGS: "nullif(tags, '')",
    By.FAILURE: "failure",
    By.INSTEAD_OF: "instead_of",
    By.LATENCY: "CASE "
    + " ".join(
        f"WHEN latency_us < {10 ** (n + 2)} THEN latency_us / {10**n} * {10**n}" for n in range(10)
    )
    + f" ELSE latency_us / {10**10} * {10**10} END",
}


def _halves(condition: str) -> tuple[str, str]:
    """The sum of costs, in two columns: SQLite refuses a sum beyond 64 bits."""
    return (
        f"coalesce(sum(CASE WHEN {condition} THEN cost / 1000000 END), 0)",
        f"coalesce(sum(CASE WHEN {condition} THEN cost - cost / 1000000 * 1000000 END), 0)",
    )


_COST = "coalesce(sum(CASE WHEN state < 3 THEN cost * 1.0 END), 0)"

_SUMS = (
    "count(CASE WHEN state < 3 THEN 1 END)",
    "count(CASE WHEN state < 3 THEN failure END)",
    "coalesce(sum(estimated), 0)",
    "count(CASE WHEN state = 2 THEN 1 END)",
    "count(CASE WHEN state < 3 AND cost IS NULL THEN 1 END)",
    "coalesce(sum(input_tokens), 0)",
    "coalesce(sum(output_tokens), 0)",
    "coalesce(sum(cached_tokens), 0)",
    "coalesce(sum(cache_write_tokens), 0)",
    "coalesce(sum(reasoning_tokens), 0)",
    *_halves("state < 3"),
    *_halves("state = 2 OR state = 1 AND estimated = 1"),
    "coalesce(sum(latency_us), 0)",
    "coalesce(sum(CASE WHEN state = 3 AND failure IS NULL THEN n END), 0)",
    *_halves("state = 3"),
    "coalesce(sum(CASE WHEN state = 3 AND failure IS NOT NULL THEN n END), 0)",
    f"coalesce(sum(CASE WHEN state = 3 AND cache = '{CacheUse.SEMANTIC}' THEN n END), 0)",
)


def _sum(row: Row, question: UsageQuestion) -> UsageSum:
    n_groups = len(question.by)
    numbers = [int(value) for value in row[n_groups:]]
    return UsageSum(
        group=tuple(
            _value(by, value) for by, value in zip(question.by, row[:n_groups], strict=True)
        ),
        n=numbers[0],
        n_failed=numbers[1],
        n_estimated=numbers[2],
        n_lapsed=numbers[3],
        n_unpriced=numbers[4],
        input_tokens=numbers[5],
        output_tokens=numbers[6],
        cached_tokens=numbers[7],
        cache_write_tokens=numbers[8],
        reasoning_tokens=numbers[9],
        cost=numbers[10] * 1_000_000 + numbers[11],
        unconfirmed=numbers[12] * 1_000_000 + numbers[13],
        latency_us=numbers[14],
        n_hits=numbers[15],
        saved=numbers[16] * 1_000_000 + numbers[17],
        n_refused=numbers[18],
        n_semantic=numbers[19],
    )


def _value(by: By, value: Any) -> str | None:
    name = _TIMES.get(by)
    if name is not None:
        return name(int(value))
    return None if value is None else str(value)


_TIMES = {By.MINUTE: minute_name, By.HOUR: hour_name, By.DAY: day_name}


def _read(session: Session, operations: Sequence[Operation]) -> Batch:
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


def _open_ones(batch: Batch) -> set[str]:
    """Whose reservation stands in the table, of a batch as it was read."""
    return {key for key, one in batch.attempts.items() if one.state is State.OPEN}


def _write(session: Session, batch: Batch, held: Collection[str]) -> None:
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
