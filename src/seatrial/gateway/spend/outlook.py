"""Whether a budget lasts until its window ends, if calls go on costing what they cost now."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from seatrial.gateway.ledger.budget import Window
from seatrial.gateway.ledger.usage import MINUTE_US

HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

RECENT_US: Final = {Window.DAY: HOUR_US, Window.MONTH: DAY_US, Window.TOTAL: DAY_US}
"""How far back the present pace looks: over an hour where a day is at stake, else over a day, which
evens out its nights."""

_SHORTEST_US: Final = 5 * MINUTE_US
_USED_UP: Final = 100
"""A budget with less left than a part in so many pays for no call worth speaking of."""

_SCARCE: Final = 10


class Level(StrEnum):
    """How things stand, the worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    CLEAR = "clear"


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Where a budget leads.

    Args:
        left: what is neither spent nor reserved, in units, >= 0.
        used_up: whether nothing worth speaking of is left unspent.
        runs_out_us: when it is used up at the present pace, in microseconds since 1970; None where
            its window ends before, or nothing is spent.
        level: CRITICAL when it is used up; WARNING when it runs out before its window ends, or less
            than a tenth is left.
    """

    left: int
    used_up: bool
    runs_out_us: int | None
    level: Level


def pace(cost: int, *, since_us: int, now_us: int) -> float:
    """Units a second.

    Args:
        cost: what was spent since ``since_us``; of less than five minutes, as if in five.
    """
    return cost * 1e6 / max(now_us - since_us, _SHORTEST_US)


def outlook(
    *,
    limit: int,
    spent: int,
    reserved: int,
    units_per_s: float,
    now_us: int,
    ends_us: int | None,
) -> Outlook:
    """Where a budget leads.

    Args:
        limit, spent, reserved: in units, >= 0.
        units_per_s: the present pace, >= 0.
        ends_us: of its window; None for one that never ends.
    """
    unspent = max(0, limit - spent)
    left = max(0, unspent - reserved)
    used_up = unspent * _USED_UP < limit or limit == 0
    runs_out_us = None
    if not used_up and units_per_s > 0:
        lasts_s = unspent / units_per_s
        within_s = (ends_us - now_us) / 1e6 if ends_us is not None else float("inf")
        if lasts_s < min(within_s, 1e10):
            runs_out_us = now_us + int(lasts_s * 1e6)
    early = runs_out_us is not None and ends_us is not None
    scarce = left * _SCARCE < limit
    level = Level.CRITICAL if used_up else Level.WARNING if early or scarce else Level.CLEAR
    return Outlook(left=left, used_up=used_up, runs_out_us=runs_out_us, level=level)
