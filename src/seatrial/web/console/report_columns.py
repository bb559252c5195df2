"""The columns of a report, as its page shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.monitoring.drift.alarm_bins import PREDICTION
from seatrial.monitoring.drift.histograms import MISSING, NEW, OTHER
from seatrial.monitoring.watching.watch_findings import moved_as
from seatrial.web.console.legible import cut
from seatrial.web.console.words import words

SHOWN = 12
"""Columns shown one by one; those that moved are shown however many there are, up to `_MOST`."""

_MOST = 50
_SEVERITIES = ("critical", "warning", "none")
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One column on the page.

    Args:
        column: of a report's record.
        flagged: whether it moved, in this window or, by the alarm, over windows.
        severity: how bad; ``warning`` at least for what the alarm found.
        error: standard error of the effect; None when not known.
        moved: how it moved, in the reader's language; empty when the alarm did not find it.
        since: when that began, ISO 8601.
    """

    column: Mapping[str, Any]
    flagged: bool
    severity: str
    error: float | None
    moved: str
    since: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Columns, the worst first: those to show, and the ``rest`` to fold away."""

    first: Sequence[Line]
    rest: Sequence[Line]


def columns_of(report: Mapping[str, Any], of: str, language: str) -> Lines:
    """The columns of a report, what moved first.

    A slow drift that the alarm found over many windows may be small in the newest one, so what the
    alarm found stands before what this window alone says.

    Args: of: ``features`` or ``predictions``.
    """
    lines = [line_of(report, column, of, language) for column in report[of]]
    lines.sort(key=lambda line: (_SEVERITIES.index(line.severity), not line.moved))
    n_flagged = sum(line.flagged for line in lines)
    n = min(max(SHOWN, n_flagged), _MOST)
    n = len(lines) if len(lines) <= n + 3 else n  # a fold of three hides more than it saves
    return Lines(first=lines[:n], rest=lines[n:])


def line_of(report: Mapping[str, Any], column: Mapping[str, Any], of: str, language: str) -> Line:
    """A column of a report with what the alarm says of it."""
    key = (PREDICTION if of == "predictions" else "") + column["name"]
    found = _found(report["alarm"], key)
    severity = str(column["severity"])
    return Line(
        column=column,
        flagged=severity != "none" or found is not None,
        severity="warning" if found is not None and severity == "none" else severity,
        error=_error(column),
        moved="" if found is None else moved_as(found["moved"] or "changed", language),
        since=None if found is None else found["since"],
    )


def _found(alarm: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """What the alarm says of a column that it found to have moved by as much as matters.

    Of texts and vectors it watches several parts; the one with most evidence is first.
    """
    if alarm["outcome"] != "drift":
        return None
    movements: Sequence[Mapping[str, Any]] = alarm["movements"]
    for movement in movements:
        if movement["column"] == key or movement["column"].startswith(f"{key}/"):
            matters = (movement["effect"] or 0.0) >= alarm["effect_floor"]
            if movement["found"] and matters:
                return movement
    return None


def figures(column: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Distances of a column beside PSI, of the part that moved most; of vectors, the AUC too."""
    part = _moved_most(column)
    told = [{"name": "auc", "value": column["auc"]}] if column.get("auc") is not None else []
    if part is None:
        return told
    return told + [
        {"name": name, "value": part[name]["value"]}
        for name in ("ks", "js", "chi_square")
        if part[name] is not None
    ]


def effects(series: Iterable[Mapping[str, Any]], column: str) -> list[float | None]:
    """The PSI of a column over the windows kept."""
    return [point["effects"].get(column) for point in series]


def value_names(names: Sequence[str], w: Mapping[str, str]) -> list[str]:
    """The names of a histogram's bins; those that stand for other, new and missing values in words.

    Args: names: as `monitoring.histograms` orders them: those three are the last, where they are.
    """
    shown, at = list(names), len(names) - 1
    for sign, word in ((MISSING, "missing_values"), (NEW, "new_values"), (OTHER, "other_values")):
        if at >= 0 and shown[at] == sign:
            shown[at] = w[word]
            at -= 1
    return shown


def tally(report: Mapping[str, Any], language: str) -> str:
    """How many columns moved and which most, in one line."""
    w = words(language)
    lines = [
        line
        for found in (columns_of(report, of, language) for of in ("features", "predictions"))
        for line in (*found.first, *found.rest)
    ]
    moved = [str(line.column["name"]) for line in lines if line.flagged]
    if not report["n"]:
        return w["alarm.no_data"]
    if not moved:
        return w["none_moved"].format(all=f"{len(lines):,}")
    named = w["comma"].join(cut(name) for name in moved[:_NAMED])
    more = len(moved) - _NAMED
    named += w["and_others"].format(n=more) if more > 0 else ""
    return w["some_moved"].format(n=len(moved), all=f"{len(lines):,}", named=named)


def _moved_most(column: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The part that the column's effect is of."""
    parts: Sequence[Mapping[str, Any]] = column["parts"]
    if not parts:
        return None
    return max(parts, key=lambda p: -1.0 if p["psi"] is None else float(p["psi"]["corrected"]))


def _error(column: Mapping[str, Any]) -> float | None:
    part = _moved_most(column)
    return None if part is None or part["psi"] is None else part["psi"]["standard_error"]
