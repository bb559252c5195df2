"""The ledger in Redis, for any number of machines.

One Lua script applies a batch, and nothing else runs meanwhile. Lua counts in floats, so money
travels as two whole numbers: USD and units beyond them. What each key holds stands above the
scripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from heapq import nlargest
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

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

# prefix:account:NAME  spent and reserved, each as USD and units, and when the window ends
# prefix:accounts      names, in order           prefix:ends  names by when their windows end
# prefix:open:ID       amount, accounts, owner, record          prefix:expiries  open ids by expiry
# prefix:closed:ID     state, amount, accounts (of one that lapsed), record
# prefix:attempts      ids of closed ones, in order of time
_COMMON = """
local prefix = KEYS[1]
local ONE = 1000000000000

local function add(a, b, sign)
  local low = a[2] + sign * b[2]
  local carry = math.floor(low / ONE)
  return {a[1] + sign * b[1] + carry, low - carry * ONE}
end

local function less(a, b)
  return a[1] < b[1] or (a[1] == b[1] and a[2] < b[2])
end

local function whole(number)
  return string.format('%.0f', number)
end

local function money(high, low)
  return {tonumber(high or 0), tonumber(low or 0)}
end

local function read_account(name)
  local found = redis.call('HMGET', prefix .. ':account:' .. name, 'sh', 'sl', 'rh', 'rl')
  return {spent = money(found[1], found[2]), reserved = money(found[3], found[4])}
end

local function keep_account(name, account)
  redis.call('HSET', prefix .. ':account:' .. name,
    'sh', whole(account.spent[1]), 'sl', whole(account.spent[2]),
    'rh', whole(account.reserved[1]), 'rl', whole(account.reserved[2]))
  redis.call('ZADD', prefix .. ':accounts', 0, name)
end

local function read_open(id)
  local found = redis.call('HMGET', prefix .. ':open:' .. id, 'h', 'l', 'accounts', 'owner')
  if not found[1] then return nil end
  return {amount = money(found[1], found[2]), accounts = cjson.decode(found[3]), owner = found[4]}
end

local function drop_open(id)
  redis.call('DEL', prefix .. ':open:' .. id)
  redis.call('ZREM', prefix .. ':expiries', id)
end

local function keep_closed(id, state, amount, accounts, record)
  redis.call('HSET', prefix .. ':closed:' .. id, 'state', state, 'h', whole(amount[1]),
    'l', whole(amount[2]), 'accounts', cjson.encode(accounts), 'record', record)
  redis.call('ZADD', prefix .. ':attempts', 0, id)
end
"""

_APPLY = (
    _COMMON
    + """
local function share(amount, parts)
  local high = math.floor(amount[1] / parts)
  return {high, math.floor(((amount[1] - high * parts) * ONE + amount[2]) / parts)}
end

local function reserve(op)
  if redis.call('EXISTS', prefix .. ':open:' .. op.id, prefix .. ':closed:' .. op.id) > 0 then
    return {'repeated'}
  end
  local amount, tightest, held = op.most, nil, {}
  for i, charge in ipairs(op.charges) do
    held[i] = read_account(charge[1])
    local left = add(add({charge[2], charge[3]}, held[i].spent, -1), held[i].reserved, -1)
    if op.ahead then
      local rest = add(share(left, op.shares[2]), held[i].reserved, -1)
      left = share(left, op.shares[1])
      if less(rest, left) then left = rest end
    end
    if less(left, amount) then amount = left; tightest = i end
  end
  if tightest and less(amount, op.least) then
    local charge, account = op.charges[tightest], held[tightest]
    return {'refused', charge[1], charge[2], charge[3], account.spent[1], account.spent[2],
      account.reserved[1], account.reserved[2]}
  end
  local names = {}
  for i, charge in ipairs(op.charges) do
    held[i].reserved = add(held[i].reserved, amount, 1)
    keep_account(charge[1], held[i])
    if charge[4] ~= '' then redis.call('ZADD', prefix .. ':ends', charge[4], charge[1]) end
    names[i] = charge[1]
  end
  redis.call('HSET', prefix .. ':open:' .. op.id, 'h', whole(amount[1]), 'l', whole(amount[2]),
    'accounts', cjson.encode(names), 'owner', op.owner, 'record', op.record)
  redis.call('ZADD', prefix .. ':expiries', op.expires, op.id)
  return {'granted', amount[1], amount[2]}
end

-- Takes back what is set aside for an attempt, or what it lapsed at, and pays instead.
local function close(op, paid, keep)
  local attempt = read_open(op.id)
  if attempt then
    for _, name in ipairs(attempt.accounts) do
      local account = read_account(name)
      account.reserved = add(account.reserved, attempt.amount, -1)
      account.spent = add(account.spent, paid, 1)
      keep_account(name, account)
    end
    drop_open(op.id)
  else
    local found = redis.call('HMGET', prefix .. ':closed:' .. op.id, 'state', 'h', 'l', 'accounts')
    if found[1] == 'settled' then return {'closed', 0} end
    if found[1] then
      attempt = {amount = money(found[2], found[3]), accounts = cjson.decode(found[4])}
      for _, name in ipairs(attempt.accounts) do
        local account = read_account(name)
        account.spent = add(add(account.spent, attempt.amount, -1), paid, 1)
        keep_account(name, account)
      end
      redis.call('DEL', prefix .. ':closed:' .. op.id)
      redis.call('ZREM', prefix .. ':attempts', op.id)
    elseif not keep then
      return {'closed', 0}
    end
  end
  if keep then keep_closed(op.id, 'settled', paid, {}, op.record) end
  if attempt and less(attempt.amount, paid) then
    local beyond = add(paid, attempt.amount, -1)
    return {'closed', 1, beyond[1], beyond[2]}
  end
  return {'closed', 1, 0, 0}
end

-- Pays out of an allowance, which goes on with the rest.
local function pay(op)
  if redis.call('EXISTS', prefix .. ':open:' .. op.id, prefix .. ':closed:' .. op.id) > 0 then
    return close(op, op.paid, true)
  end
  local paying, key, beyond = read_open(op.allowance), prefix .. ':open:' .. op.allowance, {0, 0}
  local lapsed = false
  if not paying then
    key = prefix .. ':closed:' .. op.allowance
    local found = redis.call('HMGET', key, 'state', 'h', 'l', 'accounts')
    if found[1] == 'lapsed' then
      lapsed = true
      paying = {amount = money(found[2], found[3]), accounts = cjson.decode(found[4])}
    end
  end
  if paying then
    local drawn = op.paid
    if less(paying.amount, drawn) then
      drawn = paying.amount
      beyond = add(op.paid, drawn, -1)
    end
    for _, name in ipairs(paying.accounts) do
      local account = read_account(name)
      if lapsed then account.spent = add(account.spent, drawn, -1)
      else account.reserved = add(account.reserved, drawn, -1) end
      account.spent = add(account.spent, op.paid, 1)
      keep_account(name, account)
    end
    local rest = add(paying.amount, drawn, -1)
    redis.call('HSET', key, 'h', whole(rest[1]), 'l', whole(rest[2]))
  end
  keep_closed(op.id, 'settled', op.paid, {}, op.record)
  return {'closed', 1, beyond[1], beyond[2]}
end

local outcomes = {}
for i, op in ipairs(cjson.decode(ARGV[1])) do
  if op.kind == 'reserve' then outcomes[i] = reserve(op)
  elseif op.kind == 'pay' then outcomes[i] = pay(op)
  elseif op.kind == 'settle' then outcomes[i] = close(op, op.paid, true)
  elseif op.kind == 'count' then
    keep_closed(op.id, 'counted', {0, 0}, {}, op.record)
    outcomes[i] = {'closed', 1, 0, 0}
  else outcomes[i] = close(op, {0, 0}, false) end
end
return cjson.encode(outcomes)
"""
)

_SWEEP = (
    _COMMON
    + """
local lapsed = {}
local expired = redis.call('ZRANGEBYSCORE', prefix .. ':expiries', '-inf', ARGV[1], 'LIMIT', 0, 500)
for i, id in ipairs(expired) do
  local attempt = read_open(id)
  for _, name in ipairs(attempt.accounts) do
    local account = read_account(name)
    account.reserved = add(account.reserved, attempt.amount, -1)
    account.spent = add(account.spent, attempt.amount, 1)
    keep_account(name, account)
  end
  local record = redis.call('HGET', prefix .. ':open:' .. id, 'record')
  keep_closed(id, 'lapsed', attempt.amount, attempt.accounts, record)
  drop_open(id)
  lapsed[i] = {id, attempt.owner, attempt.amount[1], attempt.amount[2]}
end
local old = redis.call('ZRANGEBYLEX', prefix .. ':attempts', '-', '(' .. ARGV[2], 'LIMIT', 0, 500)
for _, id in ipairs(old) do
  redis.call('DEL', prefix .. ':closed:' .. id)
  redis.call('ZREM', prefix .. ':attempts', id)
end
local ended = redis.call('ZRANGEBYSCORE', prefix .. ':ends', '-inf', '(' .. ARGV[3],
  'LIMIT', 0, 500)
for _, name in ipairs(ended) do
  redis.call('DEL', prefix .. ':account:' .. name)
  redis.call('ZREM', prefix .. ':accounts', name)
  redis.call('ZREM', prefix .. ':ends', name)
end
local more = 0
if #expired == 500 or #old == 500 or #ended == 500 then more = 1 end
return cjson.encode({lapsed, more})
"""
)

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
        self._apply = self._client.register_script(_APPLY)
        self._sweep = self._client.register_script(_SWEEP)
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
