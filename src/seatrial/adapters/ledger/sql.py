"""What a ledger means in SQL: one set of tables and statements for SQLite and PostgreSQL.

A batch is read, decided by `gateway.ledger.batch`, and written, under the one lock that writers
have.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.adapters.ledger.sql_rows import open_ones, read_batch, read_expired, write_batch
from seatrial.adapters.ledger.sql_sums import COST, GROUPS, SUMS, sum_of
from seatrial.adapters.store.database import Database
from seatrial.gateway.ledger.ledger import Balance, Lapsed, Operation, Outcome, Reserve, time_part
from seatrial.gateway.ledger.usage import By, UsageQuestion, UsageSum, merged, most_of

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
        self._groups = {**GROUPS, By.TAG: tag_value}
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
            batch = read_batch(session, operations)
            held = open_ones(batch)
            outcomes = batch.apply(operations)
            write_batch(session, batch, held)
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
            tail += f" ORDER BY {COST} DESC, sum(n) DESC LIMIT ?"
            values.append(question.most)
        with self._database.reading() as session:
            rows = session.rows(
                f"SELECT {', '.join([*columns, *SUMS])} FROM attempts "  # noqa: S608 - ours
                f"WHERE id >= ? AND id < ? {tail}",
                values,
            )
        return most_of(
            merged(one for row in rows if (one := sum_of(row, question)).n_calls), question
        )

    def usages(self, questions: Sequence[UsageQuestion]) -> list[list[UsageSum]]:
        """See Ledger."""
        return [self.usage(question) for question in questions]

    def _lapse(self, now_us: int) -> list[Lapsed]:
        expired = "SELECT 1 FROM reservations WHERE expires_us <= ? LIMIT 1"
        with self._database.reading() as session:
            if not session.rows(expired, (now_us,)):
                return []
        with self._database.writing("ledger", durable=True) as session:
            batch = read_expired(session, now_us, most=_SWEPT_AT_ONCE)
            held = open_ones(batch)
            lapsed = batch.lapse(list(batch.attempts))
            write_batch(session, batch, held)
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
