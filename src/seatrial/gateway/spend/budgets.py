"""Budgets as people look at them: what is spent of each, by whom, and when it will be gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from seatrial.gateway.chat.money import limit_units, plain_usd, usd
from seatrial.gateway.ledger.budget import Budget, Scope, account_name, window_of
from seatrial.gateway.ledger.ledger import Balance, Ledger
from seatrial.gateway.ledger.usage import By, UsageQuestion
from seatrial.gateway.policies.kept_names import kept_budget
from seatrial.gateway.routes.keys import KeyRing
from seatrial.gateway.spend.outlook import DAY_US, RECENT_US, Level, outlook, pace

Record = dict[str, Any]

SHOWN: Final = 20
"""Accounts shown of a budget that many have: those that spent most."""

_PACED: Final = 500
_BY: Final = {
    Scope.TOTAL: (),
    Scope.KEY: (By.KEY,),
    Scope.USER: (By.USER,),
    Scope.TAG: (By.TAG,),
    Scope.MODEL: (By.MODEL,),
}
_LEVELS: Final = tuple(Level)


class _Account(msgspec.Struct, frozen=True):
    """One budget, and one of those who have it."""

    budget: Budget
    who: str | None
    balance: Balance


def budget_records(
    ledger: Ledger, budgets: Iterable[Budget], ring: KeyRing, *, now_us: int
) -> list[Record]:
    """An entry for each account of each budget, the worst first, then those most used.

    Of a budget that each key or user has, `SHOWN` accounts that spent most; one that nobody spent
    from yet has one entry, with nobody's name.

    Args:
        budgets: as configured; those of keys that may still be used are added.
        ring: all keys, for their budgets and names.
    """
    every = [kept_budget(budget) for budget in budgets]
    every += [key.budget for key in ring if key.budget is not None and key.usable(now_us / 1e6)]
    accounts = [account for one in every for account in _accounts(ledger, one, ring, now_us)]
    costs = _recent(ledger, every, now_us)
    records = [_record(one, costs, ring, now_us) for one in accounts]
    records.sort(key=lambda one: (_LEVELS.index(one["level"]), -one["used_share"]))
    return records


def _accounts(ledger: Ledger, budget: Budget, ring: KeyRing, now_us: int) -> Iterator[_Account]:
    window, _ = window_of(budget.window, now_us // DAY_US)
    if budget.scope is Scope.TOTAL or budget.name is not None:
        who = _named(budget, ring, now_us)
        name = account_name(window, budget, who)
        found = [one for one in ledger.balances(name) if one.account == name]
        balance = found[0] if found else Balance(account=name, spent=0, reserved=0)
        yield _Account(budget, who, balance)
        return
    start = account_name(window, budget, None)
    balances = ledger.balances(start, most=SHOWN)
    for balance in balances:
        yield _Account(budget, balance.account.removeprefix(start), balance)
    if not balances:
        yield _Account(budget, None, Balance(account=start, spent=0, reserved=0))


def _named(budget: Budget, ring: KeyRing, now_us: int) -> str | None:
    if budget.scope is Scope.KEY and budget.name is not None:
        key = ring.named(budget.name, at_s=now_us / 1e6)
        return budget.name if key is None else key.id
    return budget.name


_Costs = dict[tuple[Any, ...], tuple[int, dict[str, int]]]


def _recent(ledger: Ledger, budgets: Sequence[Budget], now_us: int) -> _Costs:
    """What was spent of late: since when, and by whom; by scope, tag and how far back."""
    wanted = list(dict.fromkeys(_recent_key(budget) for budget in budgets))
    questions = [
        UsageQuestion(
            since_us=now_us - span_us,
            until_us=now_us + 1,
            by=_BY[scope],
            tag=tag or "",
            most=_PACED,
        )
        for scope, tag, span_us in wanted
    ]
    spans = sorted({one.since_us for one in questions})
    minutes = [UsageQuestion(since_us=at, until_us=now_us + 1, by=(By.MINUTE,)) for at in spans]
    answers = ledger.usages([*questions, *minutes])
    began = {
        since_us: _first_us([one.group[0] for one in found if one.n], since_us)
        for since_us, found in zip(spans, answers[len(questions) :], strict=True)
    }
    return {
        key: (
            began[question.since_us],
            {(one.group[0] or "") if one.group else "": one.cost for one in found},
        )
        for key, question, found in zip(wanted, questions, answers, strict=False)
    }


def _recent_key(budget: Budget) -> tuple[Scope, str | None, int]:
    return budget.scope, budget.tag, RECENT_US[budget.window]


def _first_us(minutes: Sequence[str | None], since_us: int) -> int:
    """When the first call of a span was made: before, there was nothing to have a pace."""
    if not minutes or minutes[0] is None:
        return since_us
    first = datetime.fromisoformat(minutes[0]).replace(tzinfo=UTC)
    return max(since_us, int(first.timestamp() * 1e6))


def _record(account: _Account, costs: _Costs, ring: KeyRing, now_us: int) -> Record:
    budget, balance, who = account.budget, account.balance, account.who
    limit = limit_units(budget.limit_usd)
    _, ends_us = window_of(budget.window, now_us // DAY_US)
    since_us, spent_by = costs[_recent_key(budget)]
    units_per_s = pace(spent_by.get(who or "", 0), since_us=since_us, now_us=now_us)
    seen = outlook(
        limit=limit,
        spent=balance.spent,
        reserved=balance.reserved,
        units_per_s=units_per_s,
        now_us=now_us,
        ends_us=ends_us,
    )
    key = ring.get(who) if budget.scope is Scope.KEY and who else None
    each = budget.scope is not Scope.TOTAL and budget.name is None
    return {
        "scope": budget.scope.value,
        "window": budget.window.value,
        "tag": budget.tag,
        "who": who,
        "key_name": None if key is None else key.name,
        "each": each,
        "account": balance.account,
        "limit_usd": plain_usd(budget.limit_usd),
        "spent_usd": plain_usd(usd(balance.spent)),
        "reserved_usd": plain_usd(usd(balance.reserved)),
        "left_usd": plain_usd(usd(seen.left)),
        "used_share": min(1.0, balance.spent / limit) if limit else 1.0,
        "reserved_share": min(1.0, balance.reserved / limit) if limit else 0.0,
        "usd_per_day": plain_usd(usd(round(units_per_s * 86_400 / 1e6) * 10**6)),
        "ends_at": None if ends_us is None else moment(ends_us),
        "runs_out_at": None if seen.runs_out_us is None else moment(seen.runs_out_us),
        "used_up": seen.used_up,
        "level": seen.level.value,
    }


def moment(at_us: int) -> str:
    """Microseconds since 1970 as ISO 8601, in UTC, to the second."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat()
