"""What is wrong with the calls of language models: facts for a sentence each, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from seatrial.gateway.ledger.usage import UsageSum
from seatrial.gateway.spend.outlook import Level

Record = dict[str, Any]

RECENT_S: Final = 600
"""How far back one looks for what goes wrong now."""

_FEW: Final = 5
_SOME_SHARE: Final = 0.2
_HALF: Final = 0.5
_MOST: Final = 5
_LEVELS: Final = tuple(Level)


def troubles(
    budgets: Sequence[Mapping[str, Any]],
    *,
    attempts: Iterable[UsageSum],
    refusals: Iterable[UsageSum],
    total: Mapping[str, Any],
) -> list[Record]:
    """All of them, each with its ``level`` and ``kind``.

    Args:
        budgets: see `budget_records`.
        attempts: of the last `RECENT_S`, by provider and model.
        refusals: of the last `RECENT_S`, by failure.
        total: the record of all that is shown.
    """
    found = [
        *_of_budgets(budgets),
        *(one for attempt in attempts if (one := _of_attempts(attempt)) is not None),
        *_of_refusals(refusals),
        *_of_total(total),
    ]
    return sorted(found, key=lambda one: _LEVELS.index(one["level"]))


def worst(found: Iterable[Mapping[str, Any]]) -> str:
    """The worst level of all."""
    levels = {str(one["level"]) for one in found}
    return next(level.value for level in _LEVELS if level.value in levels or level is Level.CLEAR)


def _of_budgets(budgets: Sequence[Mapping[str, Any]]) -> list[Record]:
    bad = [one for one in budgets if one["level"] != Level.CLEAR]
    found = [{"kind": _budget_kind(one), "level": one["level"], "budget": one} for one in bad]
    if len(found) > _MOST:
        more = {"kind": "more_budgets", "level": found[_MOST]["level"], "n": len(found) - _MOST}
        return [*found[:_MOST], more]
    return found


def _budget_kind(budget: Mapping[str, Any]) -> str:
    if budget["used_up"]:
        return "budget_used_up"
    return "budget_scarce" if budget["runs_out_at"] is None else "budget_runs_out"


def _of_attempts(one: UsageSum) -> Record | None:
    share = one.n_failed / one.n if one.n else 0.0
    if one.n_failed < _FEW or share < _SOME_SHARE:
        return None
    level = Level.CRITICAL if share >= _HALF else Level.WARNING
    name = "/".join(part or "" for part in one.group)
    return {
        "kind": "provider_fails",
        "level": level.value,
        "name": name,
        "n": one.n,
        "n_failed": one.n_failed,
        "share": share,
    }


def _of_refusals(refusals: Iterable[UsageSum]) -> list[Record]:
    return [
        {"kind": "refused", "level": Level.WARNING.value, "code": one.group[0], "n": one.n_refused}
        for one in refusals
        if one.n_refused >= _FEW
    ]


def _of_total(total: Mapping[str, Any]) -> list[Record]:
    return [
        {"kind": kind, "level": Level.WARNING.value, "n": total[name]}
        for kind, name in (("lapsed", "n_lapsed"), ("unpriced", "n_unpriced"))
        if total[name]
    ]
