"""What an endpoint did up to now, by version, in spans that are wider the longer ago they were.

Slices are read once, in the order they were appended. The last quarter of an hour is kept by ten
seconds, six hours by the minute, three days by quarter hours, and counts of requests by five
minutes for five weeks: a few megabytes for each version that answers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from seatrial.kernel.store import Slices
from seatrial.monitoring.service.baseline import Traffic
from seatrial.release.measurement import Summary

_PAGE = 5_000
_RUNGS = ((10, 900), (60, 6 * 3600 + 60), (900, 3 * 86_400 + 900))
"""Width of spans and how far back they are kept, in seconds, finest first."""

TRAFFIC_S = 300
_TRAFFIC_KEEP_S = 36 * 86_400
_LATE_S = 2.0
"""Workers hand in what they measured twice a second; a span that ended just now may lack some."""
_OUTSIDE = 0
"""Revision of answers that are no evidence, such as a tester's: `serving.record.OUTSIDE`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What was measured in one span of time.

    Args:
        start_s: its begin, seconds since 1970.
        width_s: its length in seconds.
        summary: what was measured.
    """

    start_s: int
    width_s: int
    summary: Summary


class ServiceHistory:
    """The past of one endpoint, bounded in memory.

    Args:
        slices: where measurements are read.
        endpoint: its name.
    """

    def __init__(self, slices: Slices, endpoint: str) -> None:
        self._slices = slices
        self._endpoint = endpoint
        self._position = 0
        self._rungs: list[dict[tuple[int, int], Summary]] = [{} for _ in _RUNGS]
        self._traffic: dict[int, int] = {}

    def refresh(self, now: datetime) -> None:
        """Read what arrived since the last call, and forget what is too old at ``now``.

        Raises: StoreUnavailable: nothing is lost, the next call reads on.
        """
        at = now.timestamp()
        while page := self._slices.read_slices(self._endpoint, after=self._position, limit=_PAGE):
            for position, piece in page:
                self._position = position
                begin = piece.start.timestamp()
                if piece.revision != _OUTSIDE and begin >= at - _TRAFFIC_KEEP_S:
                    self._add(piece.version, begin, Summary.decode(piece.summary), at)
        for i, (_, keep_s) in enumerate(_RUNGS):
            self._rungs[i] = {k: s for k, s in self._rungs[i].items() if k[1] >= at - keep_s}
        self._traffic = {s: n for s, n in self._traffic.items() if s >= at - _TRAFFIC_KEEP_S}

    def versions(self) -> list[int]:
        """The versions that answered within the last three days, sorted."""
        return sorted({version for rung in self._rungs for version, _ in rung})

    def last(self, seconds: float, now: datetime, *, version: int | None = None) -> Summary:
        """What the last ``seconds`` up to ``now`` add up to.

        Args:
            seconds: > 0, at most three days; the oldest span counts when it began after them.
            now: the end.
            version: one of them; None for all together, which is what users see.
        """
        since = (now - timedelta(seconds=seconds)).timestamp()
        return sum((s.summary for s in self._spans(seconds, since, version)), Summary.empty())

    def together(
        self, versions: Collection[int], seconds: float, now: datetime
    ) -> tuple[dict[int, Summary], datetime | None]:
        """What each version did in the spans in which all of them answered: the same span for all.

        Args:
            versions: to hold against each other.
            seconds: how far back, as for `last`.
        Returns: the sum of each, empty ones where they never answered together; and when the first
            shared span began.
        """
        since = (now - timedelta(seconds=seconds)).timestamp()
        spans = {
            version: {s.start_s: s.summary for s in self._spans(seconds, since, version)}
            for version in versions
        }
        started = [set(by_start) for by_start in spans.values()]
        shared = set.intersection(*started) if started else set()
        sums = {
            version: sum((by_start[s] for s in sorted(shared)), Summary.empty())
            for version, by_start in spans.items()
        }
        return sums, datetime.fromtimestamp(min(shared), UTC) if shared else None

    def minutes(
        self, seconds: float, now: datetime, *, version: int | None = None
    ) -> Sequence[Span]:
        """The last ``seconds``, at most six hours, by the minute; not the minute under way."""
        since, until = (
            (now - timedelta(seconds=seconds)).timestamp(),
            now.timestamp() - 60 - _LATE_S,
        )
        by_start: dict[int, Summary] = {}
        for (held, start), summary in self._rungs[1].items():
            if since <= start <= until and version in (None, held):
                by_start[start] = by_start.get(start, Summary.empty()) + summary
        return [Span(start_s=s, width_s=60, summary=by_start[s]) for s in sorted(by_start)]

    def traffic(self, now: datetime) -> Traffic:
        """Requests of all versions by five minutes, from the first seen to the last whole span."""
        end = int((now.timestamp() - _LATE_S) // TRAFFIC_S) * TRAFFIC_S
        first = min(self._traffic, default=end)
        counts = np.zeros(max(0, (end - first) // TRAFFIC_S), dtype=np.int64)
        for start, n in self._traffic.items():
            if start < end:
                counts[(start - first) // TRAFFIC_S] = n
        return Traffic(start_s=first, width_s=TRAFFIC_S, counts=counts)

    def _add(self, version: int, begin: float, news: Summary, at: float) -> None:
        for rung, (width, keep_s) in zip(self._rungs, _RUNGS, strict=True):
            if begin >= at - keep_s:
                key = (version, int(begin // width) * width)
                rung[key] = rung[key] + news if key in rung else news
        start = int(begin // TRAFFIC_S) * TRAFFIC_S
        asked = news.n + news.n_rejected + news.n_shed
        self._traffic[start] = self._traffic.get(start, 0) + asked

    def _spans(self, seconds: float, since: float, version: int | None) -> list[Span]:
        """The spans of the finest rung that reaches back so far."""
        reach = [i for i, (_, keep_s) in enumerate(_RUNGS) if keep_s >= seconds]
        rung = reach[0] if reach else len(_RUNGS) - 1
        return [
            Span(start_s=start, width_s=_RUNGS[rung][0], summary=summary)
            for (held, start), summary in self._rungs[rung].items()
            if start >= since - _RUNGS[rung][0] / 2 and version in (None, held)
        ]
