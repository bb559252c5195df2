import math

import pytest
from scipy import stats

from seatrial.packaging.promql import BadSpan, beyond_chance, quantile, requests, share, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (3600, "1h"), (3 * 86_400, "3d"), (604_800, "1w"), (90, "90s"), (0.5, "500ms")],
)
def test_a_span_is_written_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize("seconds", [0, -1, 0.0004])
def test_a_span_of_nothing_is_refused(seconds: float) -> None:
    with pytest.raises(BadSpan, match="no name in Prometheus"):
        span(seconds)


def test_a_share_divides_like_by_like() -> None:
    assert share("error", "ok|error", 300) == (
        'sum by (model) (rate(seatrial_requests_total{outcome=~"error"}[5m])) / '
        'sum by (model) (rate(seatrial_requests_total{outcome=~"ok|error"}[5m]))'
    )


def test_a_quantile_keeps_the_edges() -> None:
    assert quantile(0.95, 60, by=("model", "version")) == (
        "histogram_quantile(0.95, "
        "sum by (model, version, le) (rate(seatrial_latency_seconds_bucket[1m])))"
    )


def test_requests_can_be_narrowed() -> None:
    assert 'outcome=~"ok",model="m"' in requests("ok", 60, where='model="m"')


@pytest.mark.parametrize("mean", [1e-4, 0.01, 0.3, 1, 5, 30, 1e3, 1e5])
def test_chance_seldom_makes_so_many_events(mean: float) -> None:
    least = math.ceil(3 + mean + 3 * math.sqrt(mean))
    assert stats.poisson.sf(least - 1, mean) < 0.0014
    assert beyond_chance("k", "m") == "(k) >= 3 + (m) + 3 * sqrt(m)"
