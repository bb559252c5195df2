"""A window's report as plain JSON, for pages, machines and the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seatrial.monitoring.drift.comparison import Part
from seatrial.monitoring.drift.flaw import Finding
from seatrial.monitoring.drift.histograms import Histogram
from seatrial.monitoring.drift.segments import LEAST_ROWS, SegmentDrift
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.drift.verdict import ColumnDrift
from seatrial.monitoring.watching.watch import WindowReport
from seatrial.stats.divergence import Divergence
from seatrial.stats.domain_classifier import DomainTest

SCHEMA = 1

SEGMENTS_SHOWN = 50
"""Segments kept of a report, the worst first; those in trouble are kept however many they are."""

Record = dict[str, Any]


def report_record(report: WindowReport) -> Record:
    """A report as a JSON-able record; numbers that are not known are null."""
    return {
        "schema": SCHEMA,
        "start": report.span.start.isoformat(),
        "end": report.span.end.isoformat(),
        "n": report.n,
        "severity": report.drift.severity.value,
        "features": [
            column_record(c) | {"histogram": _histogram(report.histograms.get(c.name))}
            for c in report.drift.features
        ],
        "predictions": [
            column_record(c) | {"histogram": _histogram(report.prediction_histograms.get(c.name))}
            for c in report.drift.predictions
        ],
        "alarm": report.alarm.as_dict(),
        "quality": [_finding(one) for one in report.quality],
        **shown_segments(report.segments),
    }


def shown_segments(found: Sequence[SegmentDrift]) -> Record:
    """The worst segments, and how many more there are, in none of which anything is shown."""
    n_bad = sum(one.severity is not Severity.NONE for one in found)
    kept = found[: max(SEGMENTS_SHOWN, n_bad)]
    return {
        "segments": [segment_record(one) for one in kept],
        "n_more": len(found) - len(kept),
    }


def column_record(column: ColumnDrift) -> Record:
    """One column beside its reference."""
    return {
        "name": column.name,
        "kind": column.kind,
        "n": column.n,
        "m": column.m,
        "severity": column.severity.value,
        "reason": column.reason,
        "effect": column.effect,
        "p_value": column.p_value,
        "evidence": column.evidence,
        "importance": column.importance,
        "missing_share": column.missing_share,
        "missing_shift": column.missing_shift,
        "new_share": column.new_share,
        "new_names": dict(column.new_names),
        "parts": [_part(part) for part in column.parts],
        "auc": column.auc,
        "classifier": [_told_apart(test) for test in column.classifier],
    }


def _histogram(shown: Histogram | None) -> Record | None:
    if shown is None:
        return None
    return {
        "edges": list(shown.edges),
        "names": list(shown.names),
        "reference": list(shown.reference),
        "current": list(shown.current),
    }


def _part(part: Part) -> Record:
    return {
        "name": part.name,
        "reference": list(part.reference),
        "current": list(part.current),
        "psi": _divergence(part.psi),
        "js": _divergence(part.js),
        "chi_square": _divergence(part.chi_square),
        "ks": _divergence(part.ks),
    }


def _told_apart(test: DomainTest) -> Record:
    return {
        "view": test.view,
        "auc": test.auc.value,
        "standard_error": test.auc.standard_error,
        "p_value": test.auc.p_value,
        "mean_p_value": test.mean_p_value,
        "n_trained": list(test.n_trained),
        "n_tested": list(test.n_tested),
        "n_scored": list(test.n_scored),
    }


def _divergence(found: Divergence | None) -> Record | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "corrected": found.corrected,
        "standard_error": found.standard_error,
        "p_value": found.p_value,
        "error": found.error,
    }


def _finding(one: Finding) -> Record:
    return {
        "check": one.check.value,
        "column": one.column,
        "value": one.value,
        "expected": one.expected,
        "severity": one.severity.value,
        "remedy": one.remedy,
    }


def segment_record(one: SegmentDrift) -> Record:
    """A segment beside the reference's; ``not_compared`` says why nothing was compared, if so."""
    return {
        "column": one.column,
        "value": one.value,
        "n": one.drift.n,
        "n_reference": one.n_reference,
        "severity": one.severity.value,
        "not_compared": _not_compared(one),
        "moved": [
            {"name": c.name, "effect": c.effect, "evidence": c.evidence, "reason": c.reason}
            for c in one.drift.moved
        ],
        "quality": [_finding(found) for found in one.quality],
    }


def _not_compared(one: SegmentDrift) -> str | None:
    if one.n_reference == 0:
        return "no_reference"
    return "few_rows" if min(one.n_reference, one.drift.n) < LEAST_ROWS else None
