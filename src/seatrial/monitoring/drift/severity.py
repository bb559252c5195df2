"""How bad a finding is, in order."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Severity(StrEnum):
    """From harmless to bad."""

    NONE = "none"
    WARNING = "warning"
    CRITICAL = "critical"


_ORDER = tuple(Severity)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst of them; NONE of none."""
    return max(severities, key=_ORDER.index, default=Severity.NONE)


def graded(effect: float, *, warning: float, critical: float) -> Severity:
    """The severity of an effect that reached a limit or did not."""
    if effect >= critical:
        return Severity.CRITICAL
    return Severity.WARNING if effect >= warning else Severity.NONE
