"""An evaluation as JSON has it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from seatrial.registry.signature_record import signature_to_dict
from seatrial.stats.interval_text import bounds
from seatrial.stats.reliability import Reliability
from seatrial.stats.resampling import Estimate
from seatrial.training.evaluation.card_content import reason
from seatrial.training.evaluation.card_words import finding_said
from seatrial.training.evaluation.decision import Finding, MetricPair
from seatrial.training.evaluation.evaluation import Evaluation, SegmentPair, VersionFacts
from seatrial.training.evaluation.latency import Times
from seatrial.training.evaluation.rules import Guardrail, Margin, Rules

SCHEMA = 1
_LANGUAGES = ("en", "zh")


def evaluation_record(found: Evaluation) -> dict[str, Any]:
    """The evaluation as a record; what is not defined, and an open end, is null."""
    return {
        "schema": SCHEMA,
        "outcome": found.decision.outcome.value,
        "reason": {language: reason(found, language) for language in _LANGUAGES},
        "findings": [_finding(one) for one in found.decision.findings],
        "made_at": found.made_at.isoformat(),
        "task": found.task.value,
        "versions": {side: _version(one) for side, one in found.versions.items()},
        "data": asdict(found.data),
        "primary": found.primary,
        "margin": str(found.margin),
        "metrics": [_pair(pair) for pair in found.metrics],
        "constant": None if found.constant is None else _number(found.constant),
        "mcnemar": None if found.rightness is None else asdict(found.rightness),
        "calibration": {side: _reliability(one) for side, one in found.calibration.items()},
        "segments": [_segment(one) for one in found.segments],
        "differences": list(found.differences),
        "rules": _rules(found.rules),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "outcome": finding.outcome.value,
        "facts": {name: _plain(value) for name, value in finding.facts.items()},
        "said": {language: finding_said(finding, language) for language in _LANGUAGES},
    }


def _plain(value: object) -> object:
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _version(version: VersionFacts) -> dict[str, Any]:
    return {
        "name": version.name,
        "digest": version.digest,
        "framework": version.framework,
        "engine": version.engine,
        "bytes": version.n_bytes,
        "signature": signature_to_dict(version.signature),
        "latency": [_times(one) for one in (version.one, version.many) if one is not None],
    }


def _times(times: Times) -> dict[str, Any]:
    return {
        "n_rows": times.n_rows,
        "n_calls": times.n,
        "p50_ms": 1e3 * times.p50_s,
        "p95_ms": 1e3 * times.p95_s,
        "p95_low_ms": 1e3 * times.p95_low_s,
    }


def _pair(pair: MetricPair) -> dict[str, Any]:
    return {
        "metric": pair.metric,
        "less_is_better": pair.less_is_better,
        "n": pair.n,
        "new": _estimate(pair.new),
        "baseline": _estimate(pair.baseline),
        "difference": _estimate(pair.difference),
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": _number(estimate.value),
        "interval": bounds(estimate.interval),
        "standard_error": _number(estimate.standard_error),
        "undefined_share": estimate.undefined_share,
    }


def _segment(segment: SegmentPair) -> dict[str, Any]:
    return {
        "column": segment.column,
        "value": segment.value,
        "n": segment.n,
        "judged": segment.judged,
        "metrics": [_pair(pair) for pair in segment.metrics],
    }


def _reliability(found: Reliability) -> dict[str, Any]:
    return {
        "ece": found.ece,
        "ece_if_calibrated": found.ece_if_calibrated,
        "rms": found.rms,
        "bins": [
            {
                "n": one.n,
                "stated": one.stated,
                "occurred": one.occurred,
                "interval": bounds(one.interval),
            }
            for one in found.bins
        ],
    }


def _rules(rules: Rules) -> dict[str, Any]:
    given = asdict(rules)
    return given | {
        "margin": _margin(rules.margin),
        "segment_margin": _margin(rules.segment_margin),
        "guardrails": rules.guardrails and [_guardrail(guard) for guard in rules.guardrails],
    }


def _margin(margin: Margin | None) -> str | None:
    return None if margin is None else str(margin)


def _guardrail(guard: Guardrail) -> dict[str, Any]:
    return {"metric": guard.metric, "margin": _margin(guard.margin), "column": guard.column}
