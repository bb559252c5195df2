"""Budgets, and which accounts a call is charged to.

An account is the money of one window of one scope: all of November, user Ana on the 26th. It is
named so that each pair of a window and whoever pays has one account, on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import msgspec

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.money import MOST_USD, limit_units
from seatrial.kernel.errors import Invalid

_DAY_S = 86_400
_LONGEST_NAME = 200
_HASHED = "sha256:"
_MOST_KNOWN = 4096

EVER = "ever"
"""The window without an end, in the names of accounts."""


class Scope(StrEnum):
    """Whose spending a budget bounds."""

    TOTAL = "total"
    KEY = "key"
    USER = "user"
    TAG = "tag"
    MODEL = "model"


class Window(StrEnum):
    """How long a budget lasts before it begins anew; days and months are those of UTC."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class BudgetInvalid(Invalid):
    """A budget cannot be understood."""

    code = "gateway.budget_invalid"


class Budget(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that may be spent in each window.

    A budget counts from the first call that it applied to. Who has no key, no user or no such tag
    shares the budget of all others without: leaving a name out is no way around it.

    Args:
        limit_usd: in [0, 9,000,000].
        name: the key, by its name or id, or the user, model or value of the tag that it bounds;
            None for each one alike.
        tag: with TAG, the tag's name.
    Raises: BudgetInvalid.
    """

    limit_usd: Decimal
    window: Window
    scope: Scope = Scope.TOTAL
    name: str | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        if not self.limit_usd.is_finite() or not 0 <= self.limit_usd <= MOST_USD:
            raise BudgetInvalid(
                f"The budget of a {self.window} for {self.scope} is {self.limit_usd:f} USD.",
                remedy=f"Give a limit from 0 to {MOST_USD} USD.",
                field="limit_usd",
            )
        if (self.tag is None) == (self.scope is Scope.TAG):
            raise BudgetInvalid(
                f"The budget for {self.scope} has the tag {self.tag!r}.",
                remedy="Name a tag with the scope tag, and with no other.",
                field="tag",
            )
        if self.scope is Scope.TOTAL and self.name is not None:
            raise BudgetInvalid(
                f"The budget for total has the name {self.name!r}.",
                remedy="Leave the name out, or choose the scope key, user, tag or model.",
                field="name",
            )


class Payer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who pays for an attempt, and for what; names are as `plain_name` leaves them.

    Args:
        key: id of the caller's key.
        provider, model: as configured, and as the provider knows it.
    """

    provider: str
    model: str
    key: str | None = None
    user: str | None = None
    tags: Mapping[str, str] = {}


def payer_of(
    call: Call, provider: str, model: str, *, kept: Callable[[str], str] | None = None
) -> Payer:
    """Who pays for a call.

    Args:
        kept: makes names that callers choose such as they may be kept; None for `plain_name`.
    """
    kept = kept or plain_name
    return Payer(
        provider=provider,
        model=plain_name(model),
        key=call.key,
        user=None if call.user is None else kept(call.user),
        tags={kept(name): kept(value) for name, value in call.tags.items()} if call.tags else {},
    )


class Charge(msgspec.Struct, frozen=True, gc=False):
    """An account, and the limit that a reservation must keep there.

    Args:
        limit: in units, >= 0.
        ends_us: when the window ends, in microseconds since 1970; None for one that never does.
    """

    account: str
    limit: int
    ends_us: int | None = None


def charges(
    budgets: Sequence[Budget], payer: Payer, *, at_s: float, key_name: str | None = None
) -> tuple[Charge, ...]:
    """What a call is charged to; of several limits of one account, the lowest.

    Args:
        key_name: of the payer's key.
        at_s: when the call begins, in seconds since 1970; the whole call is paid from the windows
            of this moment.
    """
    found: dict[str, Charge] = {}
    day = int(at_s // _DAY_S)
    for budget in budgets:
        who = _who(budget, payer)
        if not (budget.name is None or _names(budget, who, key_name)):
            continue
        window, ends_us = window_of(budget.window, day)
        account = account_name(window, budget, who)
        charge = Charge(account, limit_units(budget.limit_usd), ends_us)
        if account not in found or charge.limit < found[account].limit:
            found[account] = charge
    return tuple(found.values())


class Charging:
    """What calls are charged to, remembered: most are charged to what the last ones were.

    Args: budgets: of all calls.
    """

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self._budgets = tuple(budgets)
        scopes = {budget.scope for budget in budgets}
        self._by_user, self._by_tag = Scope.USER in scopes, Scope.TAG in scopes
        self._by_model = Scope.MODEL in scopes
        self._by_key_name = any(b.scope is Scope.KEY and b.name is not None for b in budgets)
        self._known: dict[tuple[object, ...], tuple[tuple[Charge, ...], Budget | None]] = {}

    def asks_key_name(self, payer: Payer, own: Budget | None) -> bool:
        """Whether the name of the payer's key may tell what they are charged to."""
        return self._by_key_name or (own is not None and own.name != payer.key)

    def charges(
        self, payer: Payer, own: Budget | None, *, at_s: float, key_name: str | None = None
    ) -> tuple[Charge, ...]:
        """See `charges`.

        Args:
            own: a budget of the payer's key, besides the others.
            key_name: None also where it tells nothing; see `asks_key_name`.
        """
        day = int(at_s // _DAY_S)
        who = (
            day,
            payer.key,
            key_name,
            payer.user if self._by_user else None,
            payer.model if self._by_model else None,
            tuple(payer.tags.items()) if self._by_tag else None,
        )
        known = self._known.get(who)
        if known is not None and known[1] is own:
            return known[0]
        budgets = self._budgets if own is None else (*self._budgets, own)
        found = charges(budgets, payer, at_s=at_s, key_name=key_name)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[who] = (found, own)
        return found


@lru_cache(maxsize=16)
def window_of(window: Window, day: int) -> tuple[str, int | None]:
    """The name of a window, such as ``2026-11``, and its end in microseconds since 1970.

    Args:
        day: days since 1970.
    """
    if window is Window.TOTAL:
        return EVER, None
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    if window is Window.DAY:
        return f"{start:%Y-%m-%d}", (day + 1) * _DAY_S * 1_000_000
    next_month = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return f"{start:%Y-%m}", int(next_month.timestamp()) * 1_000_000


def account_name(window: str, budget: Budget, who: str | None) -> str:
    """Such as ``2026-11-26/user/ana``, ``2026-11/tag/team=search`` or ``ever/total/``."""
    name = "" if who is None else plain_name(who)
    if budget.tag is not None:
        tag = plain_name(budget.tag) if "=" not in budget.tag else _digest(budget.tag)
        name = f"{tag}={name}"
    return f"{window}/{budget.scope}/{name}"


def said_account(account: str, key_name: str | None) -> str:
    """An account as people call it, such as ``budget of the key 'search' for 2026-11``.

    Args:
        key_name: of the key that it is about, where it is about one; None where that is not known.
    """
    window, scope, name = account.split("/", 2)
    if scope == Scope.TOTAL:
        whose = "all calls"
    elif scope == Scope.TAG:
        tag, _, value = name.partition("=")
        whose = f"the tag {name}" if value else f"calls without the tag {tag}"
    elif not name:
        whose = f"calls without a {scope}"
    else:
        whose = f"the {scope} {((scope == Scope.KEY and key_name) or name)!r}"
    return f"budget of {whose}" + ("" if window == EVER else f" for {window}")


def plain_name(name: str) -> str:
    """A name that callers choose, as every database can keep it: one that is over 200 characters
    or not printable by its digest."""
    if len(name) <= _LONGEST_NAME and name.isprintable() and not name.startswith(_HASHED):
        return name
    return _digest(name)


def _digest(name: str) -> str:
    return _HASHED + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _names(budget: Budget, who: str | None, key_name: str | None) -> bool:
    """Whether the budget, which has a name, is of this one."""
    assert budget.name is not None
    if budget.scope is Scope.KEY and key_name is not None and budget.name == key_name:
        return True
    return who in (budget.name, plain_name(budget.name))


def _who(budget: Budget, payer: Payer) -> str | None:
    match budget.scope:
        case Scope.TOTAL:
            return None
        case Scope.KEY:
            return payer.key
        case Scope.USER:
            return payer.user
        case Scope.MODEL:
            return payer.model
        case Scope.TAG:
            return payer.tags.get(budget.tag or "")
