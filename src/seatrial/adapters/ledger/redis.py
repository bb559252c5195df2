"""The ledger in Redis, for any number of machines.

Its scripts (`ledger_redis_scripts.py`) say what each key holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from seatrial.adapters.ledger.redis_scripts import APPLY, SWEEP
from seatrial.gateway.chat.money import UNITS_PER_USD
from seatrial.gateway.ledger.batch import LAPSED
from seatrial.gateway.ledger.ledger import (
    AHEAD_SHARE,
    HELD_SHARE,
    Balance,
    Closed,
    Count,
    Granted,
    Lapsed,
    Operation,
    Outcome,
    Refused,
    Release,
    Repeated,
    Reserve,
    Settle,
    time_part,
)
from seatrial.gateway.ledger.usage import Record, State, UsageQuestion, UsageSum, summed_each
from seatrial.kernel.errors import MissingExtra, SeatrialError
from seatrial.kernel.store import (
    StoreAddressInvalid,
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreUnavailable,
)

if TYPE_CHECKING:
    from redis import Redis

_PAGE = 500


class RedisLedger:
    """`gateway.ledger.ledger.Ledger` in a Redis database, version 6 or later, or Valkey.

    It keeps as much as its server does: with ``appendonly yes`` and ``appendfsync always`` a power
    cut takes nothing back; with Redis's own defaults the last minutes may be gone, and can be spent
    again.

    Args:
        url: ``redis://user:password@host:port/database`` or ``rediss://...``.
        prefix: what all its keys begin with.
        timeout_s: how long connecting or an answer may take, > 0.
    Raises: StoreAddressInvalid, StoreUnavailable, StoreDenied, MissingExtra.
    """

    def __init__(
        self, url: str, *, prefix: str = "seatrial:ledger", timeout_s: float = 5.0
    ) -> None:
        self._client = _client(url, timeout_s)
        self._prefix = f"{{{prefix}}}"  # in a cluster, keys with the same braces live together
        self._open = True
        self._apply = self._client.register_script(APPLY)
        self._sweep = self._client.register_script(SWEEP)
        try:
            with self._asking():
                self._client.ping()
        except SeatrialError:
            self._client.close()
            raise

    def close(self) -> None:
        """See Ledger."""
        self._open = False
        self._client.close()

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """See Ledger."""
        if not operations:
            return []
        asked = msgspec.json.encode([_told(operation) for operation in operations])
        with self._asking():
            answer = self._apply(keys=[self._prefix], args=[asked])
        return [_outcome(*one) for one in msgspec.json.decode(answer)]

    def sweep(self, *, now_us: int, keep_since_us: int) -> list[Lapsed]:
        """See Ledger."""
        lapsed: list[Lapsed] = []
        more = True
        while more:
            with self._asking():
                answer = self._sweep(
                    keys=[self._prefix], args=[now_us, time_part(keep_since_us), keep_since_us]
                )
            found, more = msgspec.json.decode(answer)
            lapsed += [
                Lapsed(id=key, owner=owner, amount=_units(high, low))
                for key, owner, high, low in found or ()
            ]
        return lapsed

    def balances(self, prefix: str, *, most: int | None = None) -> list[Balance]:
        """See Ledger."""
        found: Iterable[Balance] = self._balances(prefix.encode())
        if most is not None:
            found = nlargest(most, found, key=lambda one: one.spent + one.reserved)
        return sorted(found, key=lambda one: one.account)

    def usage(self, question: UsageQuestion) -> list[UsageSum]:
        """See Ledger."""
        return self.usages([question])[0]

    def usages(self, questions: Sequence[UsageQuestion]) -> list[list[UsageSum]]:
        """See Ledger."""
        since_us = min((one.since_us for one in questions), default=0)
        until_us = max((one.until_us for one in questions), default=0)
        return summed_each(self._records(since_us, until_us), questions)

    def _balances(self, start: bytes) -> Iterator[Balance]:
        span = b"[" + start, b"(" + start + b"\xff"
        for names, rows in self._pages("accounts", *span, "account", "sh", "sl", "rh", "rl"):
            for name, row in zip(names, rows, strict=True):
                yield Balance(
                    account=name.decode(), spent=_units(*row[:2]), reserved=_units(*row[2:])
                )

    def _records(self, since_us: int, until_us: int) -> Iterator[tuple[State, Record]]:
        span = f"[{time_part(since_us)}".encode(), f"({time_part(until_us)}".encode()
        for _, rows in self._pages("attempts", *span, "closed", "state", "record", "h", "l"):
            for state, text, high, low in rows:
                if state is not None:  # None: gone since the ids were read
                    yield _record(state, text, high, low)

    def _pages(
        self, index: str, start: bytes, end: bytes, kind: str, *fields: str
    ) -> Iterator[tuple[list[bytes], list[list[Any]]]]:
        """Names of an index in order, with fields of their hashes, so many at a time."""
        while True:
            with self._asking():
                names: Any = self._client.zrangebylex(
                    f"{self._prefix}:{index}", start, end, start=0, num=_PAGE
                )
                rows = self._hashes(kind, names, *fields)
            yield names, rows
            if len(names) < _PAGE:
                return
            start = b"(" + names[-1]

    def _hashes(self, kind: str, names: Sequence[bytes], *fields: str) -> list[list[Any]]:
        with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hmget(f"{self._prefix}:{kind}:".encode() + name, fields)
            rows: list[list[Any]] = pipeline.execute()
            return rows

    @contextmanager
    def _asking(self) -> Iterator[None]:
        import redis

        if not self._open:
            raise StoreUnavailable("The ledger was closed.", remedy="Open it again.")
        try:
            yield
        except redis.RedisError as error:
            raise _translated(error) from error


def _client(url: str, timeout_s: float) -> Redis:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise MissingExtra("redis", "redis") from error
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # A batch that is sent again would be told that all of it is repeated.
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:  # the address is not shown: it may hold a password
        raise StoreAddressInvalid(
            "The address of the Redis ledger cannot be read.",
            remedy="Write redis://user:password@host:6379/0, with special characters of the "
            "password percent-encoded.",
        ) from error


def _translated(error: Exception) -> SeatrialError:
    import redis

    what = str(error).partition("\n")[0]
    if isinstance(error, redis.exceptions.OutOfMemoryError):
        return StoreFull(
            f"Redis has no memory left for the ledger ({what}).",
            remedy="Raise its maxmemory, or keep records for fewer days.",
        )
    if isinstance(
        error,
        redis.AuthenticationError
        | redis.exceptions.NoPermissionError
        | redis.exceptions.ReadOnlyError,
    ):
        return StoreDenied(
            f"Redis does not let this user write ({what}).",
            remedy="Connect to the primary server, with a user that may run scripts.",
        )
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return StoreUnavailable(
            f"Redis does not answer ({what}).",
            remedy="Check that it runs, and its address.",
            outcome="unknown",
        )
    return StoreDamaged(
        f"The ledger in Redis cannot be used ({what}).",
        remedy="Restore a backup of its database, or choose another prefix.",
    )


def _told(operation: Operation) -> dict[str, object]:
    match operation:
        case Reserve():
            return {
                "kind": "reserve",
                "id": operation.id,
                "charges": [
                    [
                        one.account,
                        *_split(one.limit),
                        "" if one.ends_us is None else f"{one.ends_us}",
                    ]
                    for one in operation.charges
                ],
                "most": _split(operation.most),
                "least": _split(operation.least),
                "ahead": operation.ahead,
                "shares": [AHEAD_SHARE, HELD_SHARE],
                "expires": str(operation.expires_us),
                "owner": operation.owner,
                "record": msgspec.json.encode(
                    Record(id=operation.id, at_us=operation.at_us, payer=operation.payer)
                ).decode(),
            }
        case Settle(record, allowance):
            return {
                "kind": "settle" if allowance is None else "pay",
                "id": record.id,
                "allowance": allowance,
                "paid": _split(record.cost or 0),
                "record": msgspec.json.encode(record).decode(),
            }
        case Release(key):
            return {"kind": "release", "id": key}
        case Count(record):
            return {
                "kind": "count",
                "id": record.id,
                "record": msgspec.json.encode(record).decode(),
            }


def _split(n_units: int) -> tuple[int, int]:
    return divmod(n_units, UNITS_PER_USD)


def _units(high: Any, low: Any) -> int:
    return int(high or 0) * UNITS_PER_USD + int(low or 0)


def _outcome(kind: str, *facts: Any) -> Outcome:
    if kind == "granted":
        return Granted(_units(*facts))
    if kind == "refused":
        return Refused(facts[0], _units(*facts[1:3]), _units(*facts[3:5]), _units(*facts[5:7]))
    if kind == "repeated":
        return Repeated()
    changed, *beyond = facts
    return Closed(changed=bool(changed), beyond=_units(*beyond) if beyond else 0)


def _record(state: bytes, text: bytes, high: bytes, low: bytes) -> tuple[State, Record]:
    record = msgspec.json.decode(text, type=Record)
    if state == State.LAPSED.value.encode():
        record = replace(record, cost=_units(high, low), estimated=True, failure=LAPSED)
    return State(state.decode()), record
