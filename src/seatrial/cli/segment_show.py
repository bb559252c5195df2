"""Segments in a terminal: which moved, and in which a model does worse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.cli.marks import cut, mark
from seatrial.monitoring.performance.findings import figure
from seatrial.monitoring.performance.verdict import Level

Record = Mapping[str, Any]

_WORST = 5
_NAME = 24


def drift_lines(segments: Sequence[Record], n_more: int) -> Iterator[str]:
    """The worst segments of a window, and how many could not be compared.

    Args: see `monitoring.watching.report_record.shown_segments`.
    """
    bad = [one for one in segments if one["severity"] != "none"]
    for one in bad[:_WORST]:
        parts = [f"{c['name']} (PSI {_effect(c['effect'])})" for c in one["moved"][:3]]
        parts += [f"{found['column']} {found['value']}" for found in one["quality"][:3]]
        said = f"{one['n']:,} rows: {', '.join(parts)}"
        yield f"{_named(one)}  {mark(one['severity'], 9)} {said}"
    if len(bad) > _WORST:
        yield f"and {len(bad) - _WORST} more segments that moved"
    for one in segments:
        if one["not_compared"] == "no_reference":
            yield f"{_named(one)}  {one['n']:,} rows, and none in the reference"
    n_few = sum(one["not_compared"] == "few_rows" for one in segments)
    if n_few:
        yield f"{n_few} segments have too few rows to be compared"
    if n_more:
        yield f"and {n_more} more segments: nothing is shown in them, or their rows are too few"


def performance_segment_lines(record: Record) -> Iterator[str]:
    """Where a model does worse, the worst first, and how many segments cannot be judged.

    Args: record: see `monitoring.performance.view`; nothing is said where rows are not split.
    """
    known = record.get("segments")
    if not known:
        return
    metric = record["metric"]
    for kind, n_more in (("measured", known["n_more"][1]), ("estimated", known["n_more"][0])):
        judged = [one for one in known[kind] if one["level"] != Level.UNKNOWN]
        worse = [one for one in judged if one["level"] != Level.CLEAR]
        for one in worse[:_WORST]:
            said = f"{kind} {metric} {_against(metric, one)}"
            yield f"{_named(one)}  {mark(one['level'], 9)} {said}"
        if len(worse) > _WORST:
            yield f"and {len(worse) - _WORST} more segments whose {kind} {metric} is worse"
        if judged and not worse:
            yield f"{kind} {metric} of {len(judged)} segments: none is worse for sure"
        few = len(known[kind]) - len(judged)
        if few:
            yield f"{kind} {metric} of {few} segments: too few rows to judge"
        if n_more:
            yield f"and {n_more} more segments whose {kind} {metric} is not worse for sure"
    if not known.get("trusted", True):
        yield "labels contradict the scores, so nothing is estimated of segments"


def worst_segment(record: Record) -> str:
    """The segment that does worst, by labels where they say so; empty where none does worse."""
    known = record.get("segments") or {"measured": (), "estimated": ()}
    for one in (*known["measured"][:1], *known["estimated"][:1]):
        if one["level"] in (Level.WARNING, Level.CRITICAL):
            return _named(one)
    return ""


def _against(metric: str, one: Record) -> str:
    whole = " of the whole" if one["reference_of_whole"] else ""
    bounds = f"({figure(metric, one['lower'])} to {figure(metric, one['upper'])})"
    return (
        f"{figure(metric, one['performance'])} {bounds} against "
        f"{figure(metric, one['reference'])}{whole}, {one['n']:,} rows"
    )


def _named(one: Record) -> str:
    from seatrial.monitoring.summaries.segments import segment_name

    return segment_name(one["column"], cut(one["value"], _NAME))


def _effect(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
