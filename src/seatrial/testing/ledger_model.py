"""A second telling of what a ledger does, and random histories to compare the two by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from msgspec.structs import replace

from seatrial.gateway.ledger.budget import Charge, Payer
from seatrial.gateway.ledger.ledger import (
    AHEAD_SHARE,
    HELD_SHARE,
    Closed,
    Count,
    Granted,
    Lapsed,
    Ledger,
    Operation,
    Outcome,
    Refused,
    Release,
    Repeated,
    Reserve,
    Settle,
    attempt_id,
)
from seatrial.gateway.ledger.usage import Record, UsageQuestion, UsageSum

DAY_US = 86_400_000_000
START_US = 20_000 * DAY_US
PAYER = Payer(provider="openai", model="gpt-4o", key="k1", user="ana", tags={"team": "search"})
ALL = UsageQuestion(since_us=0, until_us=START_US * 2)


def balance(ledger: Ledger, account: str) -> tuple[int, int]:
    """What is spent from, and reserved in, an account."""
    found = [one for one in ledger.balances(account) if one.account == account]
    return (found[0].spent, found[0].reserved) if found else (0, 0)


def total(ledger: Ledger) -> UsageSum:
    """All records as one sum."""
    found = ledger.usage(ALL)
    return found[0] if found else UsageSum()


@dataclass
class Model:
    """What a ledger should know, told in another way: a list of what happened."""

    open: dict[str, tuple[Reserve, int]] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=dict)
    lapsed: dict[str, tuple[Reserve, int]] = field(default_factory=dict)
    paid: list[tuple[str, int]] = field(default_factory=list)

    def spent(self, account: str) -> int:
        """All that was paid from an account."""
        return sum(amount for name, amount in self.paid if name == account)

    def reserved(self, account: str) -> int:
        """All that is set aside in an account."""
        return sum(
            amount
            for reserve, amount in self.open.values()
            if any(charge.account == account for charge in reserve.charges)
        )

    def do(self, operation: Operation) -> Outcome:
        """What the ledger must say."""
        match operation:
            case Reserve():
                return self._reserve(operation)
            case Settle(record, allowance):
                known = record.id in self.open | self.lapsed or record.id in self.settled
                if allowance is None or known:
                    return self._close(record.id, record.cost or 0, keep=True)
                return self._pay(record.id, record.cost or 0, allowance)
            case Release(key):
                return self._close(key, 0, keep=False)
            case Count():
                return Closed(changed=True)

    def lapse(self, now_us: int) -> list[Lapsed]:
        """What a sweep must find."""
        expired = [key for key, (one, _) in self.open.items() if one.expires_us <= now_us]
        for key in expired:
            reserve, amount = self.lapsed[key] = self.open.pop(key)
            self.paid += [(charge.account, amount) for charge in reserve.charges]
        return [Lapsed(id=key, owner="suite", amount=self.lapsed[key][1]) for key in expired]

    def _reserve(self, asked: Reserve) -> Outcome:
        if asked.id in self.open | self.lapsed or asked.id in self.settled:
            return Repeated()
        lefts = [c.limit - self.spent(c.account) - self.reserved(c.account) for c in asked.charges]
        if asked.ahead:
            lefts = [
                min(left // AHEAD_SHARE, left // HELD_SHARE - self.reserved(charge.account))
                for charge, left in zip(asked.charges, lefts, strict=True)
            ]
        amount = min([asked.most, *lefts])
        if amount < asked.least:
            charge = asked.charges[lefts.index(min(lefts))]
            spent, reserved = self.spent(charge.account), self.reserved(charge.account)
            return Refused(charge.account, charge.limit, spent, reserved)
        self.open[asked.id] = (asked, amount)
        return Granted(amount)

    def _pay(self, key: str, cost: int, allowance: str) -> Outcome:
        self.settled[key] = cost
        for held, gives_back in ((self.open, False), (self.lapsed, True)):
            if allowance in held:
                reserve, amount = held[allowance]
                drawn = min(cost, amount)
                held[allowance] = (reserve, amount - drawn)
                paid = cost - drawn if gives_back else cost
                self.paid += [(charge.account, paid) for charge in reserve.charges]
                return Closed(changed=True, beyond=cost - drawn)
        return Closed(changed=True)

    def _close(self, key: str, cost: int, *, keep: bool) -> Outcome:
        if key in self.settled:
            return Closed(changed=False)
        beyond = 0
        if key in self.open:
            reserve, amount = self.open.pop(key)
            self.paid += [(charge.account, cost) for charge in reserve.charges]
            beyond = max(0, cost - amount)
        elif key in self.lapsed:
            reserve, amount = self.lapsed.pop(key)
            self.paid += [(charge.account, cost - amount) for charge in reserve.charges]
            beyond = max(0, cost - amount)
        elif not keep:
            return Closed(changed=False)
        if keep:
            self.settled[key] = cost
        return Closed(changed=True, beyond=beyond)


ACCOUNTS = (Charge("a", 100, START_US), Charge("b", 60, START_US), Charge("c", 2**62, START_US))
NAMES = st.sampled_from([attempt_id(START_US, name, 1) for name in "pqrstu"])
AMOUNTS = st.integers(0, 50)


@st.composite
def operations(draw: st.DrawFn) -> Operation | int:
    """One thing to do; a number stands for a sweep at that time."""
    key = draw(NAMES)
    kind = draw(st.integers(0, 9))
    if kind < 5:
        charges = draw(st.lists(st.sampled_from(ACCOUNTS), unique=True).map(tuple))
        limit = draw(st.sampled_from((None, None, 0, 30)))
        if limit is not None:
            charges = tuple(replace(charge, limit=limit) for charge in charges)
        least = draw(AMOUNTS)
        return Reserve(
            id=key,
            payer=PAYER,
            charges=charges,
            most=least + draw(AMOUNTS),
            least=least,
            at_us=START_US,
            expires_us=START_US + draw(st.integers(1, 10)),
            owner="suite",
            ahead=draw(st.sampled_from((False, False, True))),
        )
    if kind < 8:
        record = Record(id=key, at_us=START_US, payer=PAYER, cost=draw(AMOUNTS | st.none()))
        return Settle(record, draw(st.none() | NAMES.filter(lambda name: name != key)))
    return Release(key) if kind == 8 else START_US + draw(st.integers(0, 10))


def histories() -> st.SearchStrategy[list[list[Operation | int]]]:
    """Batches, with sweeps among them."""
    return st.lists(st.lists(operations(), max_size=8), max_size=8)


def play(ledger: Ledger, history: Sequence[Sequence[Operation | int]]) -> None:
    """Do it all, and compare every outcome and balance; the ledger is emptied before."""
    _empty(ledger)
    model = Model()
    for batch in history:
        _play(ledger, model, batch)
        for charge in ACCOUNTS:
            held = (model.spent(charge.account), model.reserved(charge.account))
            assert balance(ledger, charge.account) == held
    kept = total(ledger)
    assert kept.n == len(model.settled) + len(model.lapsed)
    assert kept.cost == sum(model.settled.values()) + sum(a for _, a in model.lapsed.values())


def _empty(ledger: Ledger) -> None:
    far_us = START_US * 2
    ids = [attempt_id(START_US, name, 1) for name in "pqrstu"]
    ledger.apply([Settle(Record(id=key, at_us=START_US, payer=PAYER)) for key in ids])
    ledger.sweep(now_us=far_us, keep_since_us=far_us)
    assert (ledger.balances(""), ledger.usage(ALL)) == ([], [])


def _play(ledger: Ledger, model: Model, batch: Sequence[Operation | int]) -> None:
    waiting: list[Operation] = []
    for step in [*batch, None]:
        if isinstance(step, Reserve | Settle | Release | Count):
            waiting.append(step)
            continue
        assert ledger.apply(waiting) == [model.do(one) for one in waiting]
        waiting = []
        if step is not None:
            found = ledger.sweep(now_us=step, keep_since_us=0)
            assert sorted(found, key=_by_id) == sorted(model.lapse(step), key=_by_id)


def _by_id(lapsed: Lapsed) -> str:
    return lapsed.id
