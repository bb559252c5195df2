"""Queries over seatrial's metrics, said once for rules and dashboard.

A test holds the metrics they name against what servers and the watch expose.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.kernel.errors import Invalid

_UNITS = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))


class BadSpan(Invalid):
    """A span of time that Prometheus cannot write."""

    code = "packaging.bad_span"


def span(seconds: float) -> str:
    """A length of time as Prometheus writes it: ``5m``, ``1h``, ``90s``, ``500ms``.

    Raises: BadSpan: below a millisecond.
    """
    left = round(seconds * 1000)
    if left < 1:
        raise BadSpan(
            f"A span of {seconds!r} s has no name in Prometheus.",
            remedy="Give at least a millisecond.",
        )
    for unit, size in _UNITS:
        if left % size == 0:
            return f"{left // size}{unit}"
    return f"{left}ms"


def requests(
    outcome: str, over_s: float, *, by: Sequence[str] = ("model",), where: str = ""
) -> str:
    """Requests a second with an outcome, a regular expression such as ``ok|error``."""
    chosen = ",".join(filter(None, [f'outcome=~"{outcome}"', where]))
    return f"sum by ({', '.join(by)}) (rate(seatrial_requests_total{{{chosen}}}[{span(over_s)}]))"


def share(
    part: str, whole: str, over_s: float, *, by: Sequence[str] = ("model",), where: str = ""
) -> str:
    """Of the requests with an outcome in ``whole``, the share with one in ``part``."""
    top, bottom = (requests(o, over_s, by=by, where=where) for o in (part, whole))
    return f"{top} / {bottom}"


def quantile(q: float, over_s: float, *, by: Sequence[str] = ("model",), where: str = "") -> str:
    """A quantile of the latency in seconds."""
    chosen = f"{{{where}}}" if where else ""
    inner = f"rate(seatrial_latency_seconds_bucket{chosen}[{span(over_s)}])"
    return f"histogram_quantile({q:g}, sum by ({', '.join((*by, 'le'))}) ({inner}))"


def beyond_chance(events: str, expected: str) -> str:
    """Whether so many events are more than chance makes of an expected number.

    Three, and three standard deviations: a Poisson count reaches ``3 + m + 3 sqrt(m)`` with a
    chance below 0.14 % for every mean m up to 100,000. The evidence that seatrial's own watch asks
    for holds at every look, and is not to be had in a query.
    """
    return f"({events}) >= 3 + ({expected}) + 3 * sqrt({expected})"
