"""What the watch tells Prometheus: drift, performance, levels and alerts as gauges.

Names are in one table, `FAMILIES`; docs/reference/metrics.md and the generated rules and dashboard
come from it. What is not known has no sample: a gauge that is 0 because nobody looked would be
taken for good news.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from seatrial.kernel.metric_text import Family, Labels, Sample, metric_text
from seatrial.monitoring.service.finding import Level, ServiceFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftGauges:
    """How far one feature, or one output, has moved.

    Args:
        psi: population stability index, bias removed, >= 0; None where it is refused.
        ks: largest distance of the distributions, in [0, 1]; None for categories.
        auc: how well a classifier tells vectors from the reference, in [0, 1]; None for others.
        alarm: whether the alarm that controls false alarms is on; None when not judged.
        missing_share: share of rows without a value, in [0, 1].
    """

    psi: float | None = None
    ks: float | None = None
    auc: float | None = None
    alarm: bool | None = None
    missing_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGauges:
    """A metric with its interval, of a share each in [0, 1]; None where not known."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is known of one endpoint's version, or of an endpoint as a whole.

    Args:
        endpoint: its name.
        version: its number; None for the endpoint as a whole.
        features: by name.
        outputs: by name.
        estimated: accuracy estimated without labels.
        estimate_trusted: whether labels agree with that estimate as far as there are any.
        real: accuracy by labels.
        reference_accuracy: what is expected.
        estimates: of every metric that is estimated without labels, by name.
        reals: of every metric by labels, by name.
        references: of every metric on the reference, by name.
        findings: of the service, each a level; one whose labels name another endpoint or version,
            as queues do, is left out.
        alerts_firing: alerts by severity.
        alerts_pending: alerts by severity.
        left_out: rows of a log that are in no window, by the reason: ``late``, ``undated``.
        looked_at_s: when this was found, seconds since 1970.
    """

    endpoint: str
    version: int | None = None
    features: Mapping[str, DriftGauges] = field(default_factory=dict)
    outputs: Mapping[str, DriftGauges] = field(default_factory=dict)
    estimated: MetricGauges = field(default_factory=MetricGauges)
    estimate_trusted: bool | None = None
    real: MetricGauges = field(default_factory=MetricGauges)
    reference_accuracy: float | None = None
    estimates: Mapping[str, MetricGauges] = field(default_factory=dict)
    reals: Mapping[str, MetricGauges] = field(default_factory=dict)
    references: Mapping[str, float] = field(default_factory=dict)
    findings: Sequence[ServiceFinding] = ()
    alerts_firing: Mapping[str, int] = field(default_factory=dict)
    alerts_pending: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    looked_at_s: float | None = None


LEVELS: Final[Mapping[Level, int]] = {
    Level.OK: 0,
    Level.INCONCLUSIVE: 1,
    Level.WARNING: 2,
    Level.CRITICAL: 3,
}

FAMILIES: Final[Mapping[str, Family]] = {
    "seatrial_drift_psi": ("gauge", "Population stability index of a feature, bias removed."),
    "seatrial_drift_ks": ("gauge", "Largest distance between a feature's distributions."),
    "seatrial_drift_auc": ("gauge", "How well a classifier tells vectors from the reference."),
    "seatrial_drift_alarm": ("gauge", "1 while the drift alarm of a feature is on."),
    "seatrial_missing_share": ("gauge", "Share of rows without a value of a feature."),
    "seatrial_prediction_drift_psi": ("gauge", "Population stability index of an output."),
    "seatrial_prediction_drift_ks": ("gauge", "Largest distance of an output's distributions."),
    "seatrial_prediction_drift_auc": ("gauge", "The same of an output that is a vector."),
    "seatrial_prediction_drift_alarm": ("gauge", "1 while the drift alarm of an output is on."),
    "seatrial_estimated_accuracy": ("gauge", "Accuracy estimated without labels."),
    "seatrial_estimated_accuracy_lower": ("gauge", "Lower bound of that estimate."),
    "seatrial_estimated_accuracy_upper": ("gauge", "Upper bound of that estimate."),
    "seatrial_estimate_trusted": ("gauge", "1 while labels agree with the estimate."),
    "seatrial_real_accuracy": ("gauge", "Accuracy by the labels that arrived."),
    "seatrial_real_accuracy_lower": ("gauge", "Lower bound of the accuracy by labels."),
    "seatrial_real_accuracy_upper": ("gauge", "Upper bound of the accuracy by labels."),
    "seatrial_reference_accuracy": ("gauge", "Accuracy on the reference: what is expected."),
    "seatrial_estimated_performance": ("gauge", "A metric estimated without labels."),
    "seatrial_estimated_performance_lower": ("gauge", "Lower bound of that estimate."),
    "seatrial_estimated_performance_upper": ("gauge", "Upper bound of that estimate."),
    "seatrial_real_performance": ("gauge", "A metric by the labels that arrived."),
    "seatrial_real_performance_lower": ("gauge", "Lower bound of the metric by labels."),
    "seatrial_real_performance_upper": ("gauge", "Upper bound of the metric by labels."),
    "seatrial_reference_performance": ("gauge", "A metric on the reference: what is expected."),
    "seatrial_service_level": (
        "gauge",
        "A service level: 0 ok, 1 inconclusive, 2 warning, 3 critical.",
    ),
    "seatrial_service_crosses_seconds": ("gauge", "Seconds until a level is crossed, if ever."),
    "seatrial_alerts_firing": ("gauge", "Alerts that fire, by severity."),
    "seatrial_alerts_pending": ("gauge", "Alerts that may fire soon, by severity."),
    "seatrial_rows_left_out_total": (
        "counter",
        "Rows of a log in no window: late, after it had closed, or undated.",
    ),
    "seatrial_watch_timestamp_seconds": ("gauge", "When the watch last looked, since 1970."),
}


def exposition(watched: Sequence[Watched]) -> str:
    """Everything that is known, in Prometheus' text format."""
    return metric_text(FAMILIES, (sample for one in watched for sample in _samples(one)))


def _samples(one: Watched) -> Iterator[Sample]:
    labels: Labels = (("endpoint", one.endpoint),)
    if one.version is not None:
        labels += (("version", str(one.version)),)
    for feature, moved in one.features.items():
        yield from _drift("seatrial_drift", (*labels, ("feature", feature)), moved)
        yield from _known(
            "seatrial_missing_share", (*labels, ("feature", feature)), moved.missing_share
        )
    for output, moved in one.outputs.items():
        yield from _drift("seatrial_prediction_drift", (*labels, ("output", output)), moved)
    yield from _metric("seatrial_estimated_accuracy", labels, one.estimated)
    yield from _known("seatrial_estimate_trusted", labels, one.estimate_trusted)
    yield from _metric("seatrial_real_accuracy", labels, one.real)
    yield from _known("seatrial_reference_accuracy", labels, one.reference_accuracy)
    for name, gauges in one.estimates.items():
        yield from _metric("seatrial_estimated_performance", (*labels, ("metric", name)), gauges)
    for name, gauges in one.reals.items():
        yield from _metric("seatrial_real_performance", (*labels, ("metric", name)), gauges)
    for name, value in one.references.items():
        yield "seatrial_reference_performance", (*labels, ("metric", name)), value
    for found in one.findings:
        if _of_another(found, labels):
            continue
        told = (*labels, ("signal", found.signal), *sorted(_own(found, labels).items()))
        yield "seatrial_service_level", told, LEVELS[found.level]
        if found.crossing is not None:
            yield "seatrial_service_crosses_seconds", told, found.crossing.in_s
    yield from _split("seatrial_alerts_firing", labels, "severity", one.alerts_firing)
    yield from _split("seatrial_alerts_pending", labels, "severity", one.alerts_pending)
    yield from _split("seatrial_rows_left_out_total", labels, "reason", one.left_out)
    yield from _known("seatrial_watch_timestamp_seconds", labels, one.looked_at_s)


def _of_another(found: ServiceFinding, labels: Labels) -> bool:
    return any(found.labels.get(name, held) != held for name, held in labels)


def _own(found: ServiceFinding, labels: Labels) -> dict[str, str]:
    """The labels of a finding, less those it shares with its endpoint: names may not repeat."""
    taken = {"signal", *(name for name, _ in labels)}
    return {name: held for name, held in found.labels.items() if name not in taken}


def _drift(prefix: str, labels: Labels, moved: DriftGauges) -> Iterator[Sample]:
    yield from _known(f"{prefix}_psi", labels, moved.psi)
    yield from _known(f"{prefix}_ks", labels, moved.ks)
    yield from _known(f"{prefix}_auc", labels, moved.auc)
    yield from _known(f"{prefix}_alarm", labels, moved.alarm)


def _metric(name: str, labels: Labels, found: MetricGauges) -> Iterator[Sample]:
    yield from _known(name, labels, found.value)
    yield from _known(f"{name}_lower", labels, found.lower)
    yield from _known(f"{name}_upper", labels, found.upper)


def _split(name: str, labels: Labels, by: str, counts: Mapping[str, int]) -> Iterator[Sample]:
    for kind, n in counts.items():
        yield name, (*labels, (by, kind)), n


def _known(name: str, labels: Labels, value: float | None) -> Iterator[Sample]:
    if value is not None:
        yield name, labels, float(value)
