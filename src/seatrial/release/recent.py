"""What each version of an endpoint did lately, by time: for charts, forecasts and `status`.

Time is the wall clock of the workers, which is good enough to look at. Nothing is decided by it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.kernel.store import Slices
from seatrial.release.measurement import NANO_USD, Summary

_PAGE = 5_000
_QUANTILES = (0.5, 0.95, 0.99)
_LATE_S = 1.0
"""Workers hand in what they measured twice a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One version in one span of time.

    Args:
        version: its number.
        start: begin of the span in seconds since 1970.
        summary: what it did.
    """

    version: int
    start: int
    summary: Summary


class Recent:
    """The last minutes of an endpoint, in spans of equal width; bounded in memory.

    Args:
        slices: where measurements are read.
        endpoint: its name.
        width_s: of a span, in seconds, >= 1.
        keep_s: how far back to keep spans, in seconds.
    """

    def __init__(
        self, slices: Slices, endpoint: str, *, width_s: int = 5, keep_s: int = 900
    ) -> None:
        self._slices = slices
        self._endpoint = endpoint
        self._width_s = width_s
        self._keep_s = keep_s
        self._position = 0
        self._spans: dict[tuple[int, int], Summary] = {}

    def refresh(self, now: datetime) -> None:
        """Read what arrived since the last call, and forget what is too old at ``now``."""
        oldest = (now - timedelta(seconds=self._keep_s)).timestamp()
        while page := self._slices.read_slices(self._endpoint, after=self._position, limit=_PAGE):
            for position, piece in page:
                self._position = position
                begin = piece.start.timestamp()
                if begin >= oldest:
                    span = int(begin // self._width_s) * self._width_s
                    key = (piece.version, span)
                    news = Summary.decode(piece.summary)
                    self._spans[key] = self._spans.get(key, Summary.empty()) + news
        self._spans = {key: kept for key, kept in self._spans.items() if key[1] >= oldest}

    def points(self) -> list[Point]:
        """The spans, by version and time."""
        return [
            Point(version=version, start=start, summary=self._spans[version, start])
            for version, start in sorted(self._spans)
        ]

    def rate_per_s(self, now: datetime, *, over_s: int = 60) -> float:
        """Requests per second of all versions together over the last ``over_s`` seconds."""
        since = now.timestamp() - over_s
        n = sum(s.n for (_, start), s in self._spans.items() if start >= since)
        return n / over_s

    def total(self, version: int) -> Summary:
        """Everything kept of a version."""
        mine = (s for (v, _), s in self._spans.items() if v == version)
        return sum(mine, Summary.empty())


def record(recent: Recent, *, width_s: int, now: datetime) -> dict[str, object]:
    """The points as JSON-able series by version: rates, quantiles in ms, requests a second.

    A span that is still filling at ``now`` is left out: it would look like a drop of the traffic.
    """
    series: dict[str, list[dict[str, object]]] = defaultdict(list)
    whole = now.timestamp() - width_s - _LATE_S
    for point in recent.points():
        if point.start > whole:
            continue
        series[str(point.version)].append(
            {
                "t": point.start,
                "requests_per_s": point.summary.n / width_s,
                **numbers(point.summary),
            }
        )
    return dict(series)


def numbers(summary: Summary) -> dict[str, object]:
    """The figures people know, of a summary; None where nothing was measured.

    Parse rate, cost of a request and score are there where they are known.
    """
    quantiles = {
        f"p{100 * q:g}_ms": None if (s := summary.latency.quantile(q)) is None else 1e3 * s
        for q in _QUANTILES
    }
    quality = summary.quality
    mean_cost, lost = quality.costs.mean, quality.lost_counts.rate
    of_answers: dict[str, object] = {}
    if quality.n_checked:
        of_answers["parse_rate"] = 1 - quality.n_unfit / quality.n_checked
    if mean_cost is not None:
        of_answers["cost_usd"] = mean_cost / NANO_USD
    if lost is not None:
        of_answers |= {"score": 1 - lost, "n_scored": quality.n_scored}
    return {
        "n": summary.n,
        "n_errors": summary.n_errors,
        "n_rejected": summary.n_rejected,
        "n_shed": summary.n_shed,
        "error_rate": summary.n_errors / summary.n if summary.n else None,
        **quantiles,
        **of_answers,
    }
