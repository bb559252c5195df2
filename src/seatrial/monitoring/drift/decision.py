"""What the drift alarm says after a window: outcome, evidence, and a sentence for a person.

Deciding is `drift/detector.py`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

_NAMED = 3
_MOST_WINDOWS = 1e12


class DriftOutcome(StrEnum):
    """What the windows so far say."""

    NO_DATA = "no_data"
    QUIET = "quiet"
    SMALL = "small"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The evidence on one column.

    Args:
        column: its name.
        log_evidence: natural log of its own evidence of change.
        found: whether it counts as drifted, given how many columns are watched.
        moved: how it changed, such as ``level up`` or ``mix``; None while evidence is slight.
        since: start of the window at which its change most likely began; None without a window.
        effect: PSI against the reference since the evidence rose, what chance adds taken off;
            None without rows.
        n: rows it is computed from.
        n_bins: bins it is computed in, missing and unseen values among them; None where it is the
            PSI that the window's column is shown with, or of vectors.
    """

    column: str
    log_evidence: float
    found: bool
    moved: str | None
    since: datetime | None
    effect: float | None
    n: int
    n_bins: int | None = None

    @property
    def size(self) -> str:
        """The effect for a reader, such as ``PSI 0.037 in 34 bins``; empty without rows."""
        if self.effect is None:
            return ""
        bins = f" in {self.n_bins} bins" if self.n_bins is not None else ""
        return f"PSI {self.effect:.3f}{bins}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftDecision:
    """Whether to raise the alarm, and why.

    Args:
        outcome: DRIFT asks for evidence over the budget and an effect over the floor; SMALL is
            evidence without such an effect; NO_DATA is a window without rows.
        log_evidence: natural log of the evidence over all columns.
        budget: windows per false alarm.
        effect_floor: PSI that matters.
        since: start of the window at which the change most likely began; None unless found.
        movements: all columns, those found first, then by evidence and weight.
        absent: watched columns without a row in this window.
        unknown: columns of the window that are not watched.
    """

    outcome: DriftOutcome
    log_evidence: float
    budget: float
    effect_floor: float
    since: datetime | None
    movements: tuple[Movement, ...]
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def alarm(self) -> bool:
        """Whether a person should look."""
        return self.outcome is DriftOutcome.DRIFT

    @property
    def moved(self) -> tuple[Movement, ...]:
        """The columns that drifted: those found, or the leading one when only all together do."""
        if self.outcome not in {DriftOutcome.DRIFT, DriftOutcome.SMALL}:
            return ()
        return tuple(m for m in self.movements if m.found) or self.movements[:1]

    @property
    def windows_per_false_alarm(self) -> float:
        """How rarely at least an alarm at this much evidence is false; at most 1e12 is claimed."""
        return min(math.exp(min(self.log_evidence, 700.0)), _MOST_WINDOWS)

    @property
    def reason(self) -> str:
        """The decision in one sentence, in English."""
        return _sentence(self)

    def as_dict(self) -> dict[str, object]:
        """A JSON-able record, times in ISO 8601."""
        record = asdict(self)
        record["since"] = _iso(self.since)
        record["movements"] = [{**asdict(m), "since": _iso(m.since)} for m in self.movements]
        return record | {
            "outcome": self.outcome.value,
            "alarm": self.alarm,
            "reason": self.reason,
            "windows_per_false_alarm": self.windows_per_false_alarm,
        }


def _sentence(d: DriftDecision) -> str:
    match d.outcome:
        case DriftOutcome.NO_DATA:
            return "the window has no rows, so nothing was judged"
        case DriftOutcome.QUIET:
            often = _windows(d)
            how = "in every window" if often == "1" else f"about once in {often} windows"
            return (
                f"no drift shown: such evidence comes up {how} by chance, the budget is once in "
                f"{d.budget:,.0f}"
            )
        case DriftOutcome.SMALL:
            return (
                f"{_what(d)}, too little to matter (under PSI {d.effect_floor:g}); it is no "
                f"chance: {_how_sure(d)}"
            )
        case DriftOutcome.DRIFT:
            return f"{_what(d)}; {_how_sure(d)}"
        case _:
            assert_never(d.outcome)


def _what(d: DriftDecision) -> str:
    since = "" if d.since is None else f" since {d.since:%Y-%m-%d %H:%M} UTC"
    largest = sorted(d.moved, key=lambda m: -(m.effect or 0.0))
    more = len(largest) - _NAMED
    others = f" and {more} more" if more > 0 else ""
    return f"drift{since}: {_listed(largest[:_NAMED])}{others}"


def _listed(movements: Sequence[Movement]) -> str:
    return ", ".join(f"{m.column!r} {m.moved or 'changed'}{_effect(m)}" for m in movements)


def _effect(movement: Movement) -> str:
    return f" ({movement.size})" if movement.size else ""


def _how_sure(d: DriftDecision) -> str:
    return f"a false alarm on such evidence comes at most once in {_windows(d)} windows"


def _windows(d: DriftDecision) -> str:
    value = max(d.windows_per_false_alarm, 1.0)
    step = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return f"{math.floor(value / step) * step:,}"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
