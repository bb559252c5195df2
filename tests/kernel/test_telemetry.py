"""The official parser is the oracle: what it reads is what was given."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from seatrial.kernel.errors import Invalid
from seatrial.kernel.telemetry import Buckets, Metric, MetricKind, Sample, render


def gauge(*samples: Sample, name: str = "seatrial_queue_length") -> Metric:
    return Metric(name=name, help="Requests waiting.", kind=MetricKind.GAUGE, samples=samples)


def read(*metrics: Metric) -> dict[tuple[str, frozenset], float]:
    families = text_string_to_metric_families(render(metrics).decode())
    return {(s.name, frozenset(s.labels.items())): s.value for f in families for s in f.samples}


def test_the_text_is_the_format_of_prometheus():
    metric = Metric(
        name="seatrial_requests_total",
        help="Requests answered.",
        kind=MetricKind.COUNTER,
        samples=[Sample(value=3, labels={"version": "2", "outcome": "ok"})],
    )
    assert render([metric]).decode() == (
        "# HELP seatrial_requests_total Requests answered.\n"
        "# TYPE seatrial_requests_total counter\n"
        'seatrial_requests_total{version="2",outcome="ok"} 3\n'
    )


def test_nothing_is_no_text():
    assert render([]) == b""


@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\r")), st.floats()))
def test_any_value_under_any_label_is_read_back(values):
    samples = [Sample(value=value, labels={"key": key}) for key, value in values.items()]
    found = read(gauge(*samples))
    assert len(found) == len(values)
    for key, value in values.items():
        back = found["seatrial_queue_length", frozenset({("key", key)})]
        assert back == value or (math.isnan(back) and math.isnan(value))


def test_help_may_hold_quotes_backslashes_and_lines():
    text = 'a "quoted"\nline \\ here'
    metric = Metric(name="m", help=text, kind=MetricKind.GAUGE, samples=[Sample(value=1)])
    (family,) = text_string_to_metric_families(render([metric]).decode())
    assert family.documentation == text


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8))
def test_the_buckets_of_a_histogram_accumulate_to_its_count(counts):
    bounds = [0.1 * (i + 1) for i in range(len(counts) - 1)]
    metric = Metric(
        name="seatrial_latency_seconds",
        help="Latency.",
        kind=MetricKind.HISTOGRAM,
        samples=[Sample(value=Buckets(bounds=bounds, counts=counts, total=1.5))],
    )
    found = read(metric)
    assert found["seatrial_latency_seconds_count", frozenset()] == sum(counts)
    assert found["seatrial_latency_seconds_sum", frozenset()] == 1.5
    by_bound = {float(dict(labels)["le"]): v for (_, labels), v in found.items() if labels}
    assert by_bound == {b: sum(counts[: i + 1]) for i, b in enumerate([*bounds, math.inf])}


@pytest.mark.parametrize(
    "metrics",
    [
        [gauge(name="no name")],
        [gauge(name="")],
        [gauge(), gauge()],
        [gauge(Sample(value=1), Sample(value=2))],
        [gauge(Sample(value=1, labels={"le": "1"}))],
        [gauge(Sample(value=1, labels={"__name__": "x"}))],
        [gauge(Sample(value=1, labels={"a-b": "x"}))],
        [gauge(Sample(value=Buckets(bounds=[], counts=[1], total=1)))],
        [Metric(name="h", help="", kind=MetricKind.HISTOGRAM, samples=[Sample(value=1)])],
        [
            Metric(
                name="h",
                help="",
                kind=MetricKind.HISTOGRAM,
                samples=[Sample(value=Buckets(bounds=[2, 1], counts=[0, 0, 0], total=0))],
            )
        ],
        [
            Metric(
                name="h",
                help="",
                kind=MetricKind.HISTOGRAM,
                samples=[Sample(value=Buckets(bounds=[1], counts=[0], total=0))],
            )
        ],
    ],
)
def test_what_would_spoil_a_scrape_is_refused(metrics):
    with pytest.raises(Invalid, match="The metric"):
        render(metrics)
