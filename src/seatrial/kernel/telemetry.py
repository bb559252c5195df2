"""Metrics as Prometheus reads them: plain data in, text out.

seatrial's numbers are sums over workers that come out of the store, so there is nothing to count
here: no registry, no global counters, only the format. That is why this is not prometheus-client,
whose registries live in one process; its parser is the oracle of the tests.

Source: prometheus.io, "Exposition formats", text format 0.0.4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

from seatrial.kernel.errors import Invalid

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")


class MetricKind(StrEnum):
    """What a number means to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """The value of a histogram.

    Args:
        bounds: upper bounds, ascending, finite.
        counts: observations in each bucket and, last, above all bounds; one more than ``bounds``.
        total: sum of the observed values.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One time series at this moment."""

    value: float | Buckets
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A named family of samples, each with other labels.

    Args:
        name: such as ``seatrial_requests_total``; the unit belongs into it.
        help: one sentence.
        kind: counter, gauge or histogram; samples of a histogram have `Buckets`.
    """

    name: str
    help: str
    kind: MetricKind
    samples: Sequence[Sample]


def render(metrics: Iterable[Metric]) -> bytes:
    """The text of an exposition.

    Raises: Invalid for a name Prometheus would refuse, a name or series given twice, or a value
        that does not fit the kind: a scrape with one of these is dropped whole.
    """
    lines: list[str] = []
    names: set[str] = set()
    for metric in metrics:
        if metric.name in names or not _METRIC_NAME.fullmatch(metric.name):
            raise _refused(metric, "is used twice, or is no name")
        names.add(metric.name)
        lines.append(f"# HELP {metric.name} {_escaped(metric.help, quotes=False)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines.extend(_series(metric))
    return "".join(f"{line}\n" for line in lines).encode()


def _series(metric: Metric) -> Iterator[str]:
    seen: set[frozenset[tuple[str, str]]] = set()
    for sample in metric.samples:
        identity = frozenset(sample.labels.items())
        if identity in seen:
            raise _refused(metric, f"has the labels {dict(sample.labels)!r} twice")
        seen.add(identity)
        for name in sample.labels:
            if not _LABEL_NAME.fullmatch(name) or name == "le":
                raise _refused(metric, f"has the label {name!r}, which is no name for one")
        if isinstance(sample.value, Buckets) is not (metric.kind is MetricKind.HISTOGRAM):
            raise _refused(metric, f"is a {metric.kind} with a value of another kind")
        yield from _lines(metric, sample)


def _lines(metric: Metric, sample: Sample) -> Iterator[str]:
    value = sample.value
    if not isinstance(value, Buckets):
        yield f"{metric.name}{_labels(sample.labels)} {_number(value)}"
        return
    if len(value.counts) != len(value.bounds) + 1 or list(value.bounds) != sorted(value.bounds):
        raise _refused(metric, "needs ascending bounds and one count more than bounds")
    cumulated = list(accumulate(value.counts))
    for bound, count in zip([*value.bounds, math.inf], cumulated, strict=True):
        yield f"{metric.name}_bucket{_labels({**sample.labels, 'le': _number(bound)})} {count}"
    yield f"{metric.name}_sum{_labels(sample.labels)} {_number(value.total)}"
    yield f"{metric.name}_count{_labels(sample.labels)} {cumulated[-1]}"


def _labels(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _refused(metric: Metric, why: str) -> Invalid:
    return Invalid(
        f"The metric {metric.name!r} {why}.",
        remedy="Correct the code that makes it.",
        metric=metric.name,
    )
