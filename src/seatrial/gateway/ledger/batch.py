"""What operations do to accounts and attempts that were read before, whatever keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Charge
from seatrial.gateway.ledger.ledger import (
    AHEAD_SHARE,
    HELD_SHARE,
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
)
from seatrial.gateway.ledger.usage import Record, State

LAPSED = "gateway.reservation_lapsed"
"""What stands as the failure of an attempt that nobody settled."""


@dataclass(slots=True)
class Account:
    """Money of one window, in units."""

    spent: int = 0
    reserved: int = 0
    ends_us: int | None = None


@dataclass(slots=True)
class Attempt:
    """An attempt as the ledger knows it.

    Args:
        amount: reserved, in units; of one that is not open, what it was settled at.
        accounts: that pay it; none after a settlement, which nothing can change any more.
        record: None for one that was read and not changed.
    """

    state: State
    amount: int
    accounts: tuple[str, ...]
    owner: str = ""
    expires_us: int = 0
    record: Record | None = None


@dataclass(slots=True)
class Batch:
    """Accounts and attempts by name and id, as they were read; afterwards as they shall be kept.

    Args:
        accounts: all that the operations, or the attempts they are about, are charged to; those
            that do not exist yet may be left out.
        attempts: those of the operations, and their allowances, that exist.
        reduced: allowances whose amount is another, if nothing else of them changed.
        drawn: what is taken from allowances, and paid, and does not stand in accounts yet.
    """

    accounts: dict[str, Account]
    attempts: dict[str, Attempt]
    changed_accounts: set[str] = field(default_factory=set)
    changed_attempts: dict[str, None] = field(default_factory=dict)
    reduced: set[str] = field(default_factory=set)
    drawn: dict[str, tuple[int, int]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """See Ledger."""
        outcomes = [self._one(operation) for operation in operations]
        self._draw()
        return outcomes

    def lapse(self, ids: Iterable[str]) -> list[Lapsed]:
        """Settle open attempts, whose records were read too, at what was reserved for them."""
        lapsed = []
        for key in ids:
            attempt = self.attempts[key]
            for name in attempt.accounts:
                account = self._account(name)
                account.reserved -= attempt.amount
                account.spent += attempt.amount
            attempt.state = State.LAPSED
            assert attempt.record is not None
            attempt.record = replace(
                attempt.record, cost=attempt.amount, estimated=True, failure=LAPSED
            )
            self.changed_attempts[key] = None
            lapsed.append(Lapsed(id=key, owner=attempt.owner, amount=attempt.amount))
        return lapsed

    def _one(self, operation: Operation) -> Outcome:
        if isinstance(operation, Settle):  # as most are
            record, allowance = operation.record, operation.allowance
            if allowance is not None and record.id not in self.attempts:
                return self._pay(record, allowance)
            return self._settle(record)
        match operation:
            case Reserve():
                return self._reserve(operation)
            case Release():
                return self._release(operation.id)
            case Count(record):
                self._keep(record.id, Attempt(State.COUNTED, 0, (), record=record))
                return Closed(changed=True)
            case _:
                assert_never(operation)

    def _reserve(self, asked: Reserve) -> Outcome:
        if asked.id in self.attempts:
            return Repeated()
        self._draw()
        amount, tightest = asked.most, None
        for charge in asked.charges:
            account = self.accounts.get(charge.account)
            left = _left(charge, account)
            if asked.ahead:
                left = _share(left, account)
            if left < amount:
                amount, tightest = left, charge
        if tightest is not None and amount < asked.least:
            account = self.accounts.get(tightest.account) or Account()
            return Refused(tightest.account, tightest.limit, account.spent, account.reserved)
        for charge in asked.charges:
            account = self._account(charge.account)
            account.reserved += amount
            account.ends_us = charge.ends_us
        self._keep(
            asked.id,
            Attempt(
                State.OPEN,
                amount,
                tuple(charge.account for charge in asked.charges),
                asked.owner,
                asked.expires_us,
                Record(id=asked.id, at_us=asked.at_us, payer=asked.payer),
            ),
        )
        return Granted(amount)

    def _settle(self, record: Record) -> Outcome:
        attempt = self.attempts.get(record.id)
        cost = record.cost or 0
        if record.id in self.drawn:
            self._draw()
        if attempt is None:
            self._keep(record.id, Attempt(State.SETTLED, cost, (), record=record))
            return Closed(changed=True)
        if attempt.state is State.SETTLED:
            return Closed(changed=False)
        self._move(attempt, attempt.amount, paid=cost)
        beyond = max(0, cost - attempt.amount)
        self._keep(record.id, Attempt(State.SETTLED, cost, (), attempt.owner, record=record))
        return Closed(changed=True, beyond=beyond)

    def _pay(self, record: Record, allowance: str) -> Outcome:
        cost, beyond = record.cost or 0, 0
        paying = self.attempts.get(allowance)
        if paying is not None and paying.state is not State.SETTLED:
            drawn = min(cost, paying.amount)
            beyond = cost - drawn
            paying.amount -= drawn
            before = self.drawn.get(allowance, (0, 0))
            self.drawn[allowance] = (before[0] + drawn, before[1] + cost)
        self._keep(record.id, Attempt(State.SETTLED, cost, (), record=record))
        return Closed(changed=True, beyond=beyond)

    def _draw(self) -> None:
        """Change the accounts that allowances are charged to, once for all that was paid."""
        for allowance, (amount, paid) in self.drawn.items():
            paying = self.attempts[allowance]
            self._move(paying, amount, paid=paid)
            if paying.state is State.LAPSED and paying.record is not None:
                paying.record = replace(paying.record, cost=paying.amount)
            self.reduced.add(allowance)
        self.drawn.clear()

    def _release(self, key: str) -> Outcome:
        self._draw()
        attempt = self.attempts.get(key)
        if attempt is None or attempt.state is State.SETTLED:
            return Closed(changed=False)
        self._move(attempt, attempt.amount, paid=0)
        del self.attempts[key]
        self.changed_attempts.pop(key, None)
        self.dropped.add(key)
        return Closed(changed=True)

    def _move(self, attempt: Attempt, amount: int, *, paid: int) -> None:
        """Pay in place of a part of what an attempt holds, or lapsed at."""
        for name in attempt.accounts:
            account = self._account(name)
            if attempt.state is State.OPEN:
                account.reserved -= amount
                account.spent += paid
            else:
                account.spent += paid - amount

    def _account(self, name: str) -> Account:
        self.changed_accounts.add(name)
        return self.accounts.setdefault(name, Account())

    def _keep(self, key: str, attempt: Attempt) -> None:
        self.attempts[key] = attempt
        self.changed_attempts[key] = None
        if attempt.state is not State.OPEN:  # an open one leaves no record of what was before it
            self.dropped.discard(key)


def _left(charge: Charge, account: Account | None) -> int:
    return charge.limit if account is None else charge.limit - account.spent - account.reserved


def _share(left: int, account: Account | None) -> int:
    """What an allowance may have."""
    reserved = 0 if account is None else account.reserved
    return min(left // AHEAD_SHARE, left // HELD_SHARE - reserved)
