"""What can be wrong with a window's data, and from where on it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from seatrial.monitoring.drift.severity import Severity


class Check(StrEnum):
    """What was looked at."""

    EMPTY = "empty"
    ABSENT = "absent"
    STRANGE = "strange"
    KIND = "kind"
    MISSING = "missing"
    INFINITE = "infinite"
    RANGE = "range"
    CONSTANT = "constant"
    NEW_NAMES = "new names"
    REPEATS = "repeats"
    AGE = "age"
    FUTURE = "future"
    UNTIMED = "untimed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong with a window's data.

    Args:
        check: what was looked at.
        column: where; empty for the window as a whole.
        value: what was found, as a person reads it.
        expected: what the reference or the limits say.
        severity: never none.
        remedy: what to do next.
    """

    check: Check
    column: str
    value: str
    expected: str
    severity: Severity
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """From where on a finding is one, as (warning, critical).

    Args:
        alpha: in (0, 1), the chance that an unchanged column is found wanting by one check.
        missing: growth of the share of missing values.
        infinite: share of infinite values, when the reference had none.
        outside: share of numbers outside the reference's range.
        far: how many widths of the range a single number may lie outside of it.
        new_names: share of rows with names the reference does not know.
        repeats: growth of the share of rows that repeat another.
        max_age: of the latest row; None does not look.
    """

    alpha: float = 1e-4
    missing: tuple[float, float] = (0.05, 0.2)
    infinite: tuple[float, float] = (0.0, 0.01)
    outside: tuple[float, float] = (0.001, 0.05)
    far: float = 10.0
    new_names: tuple[float, float] = (0.01, 0.1)
    repeats: tuple[float, float] = (0.05, 0.3)
    max_age: timedelta | None = None
