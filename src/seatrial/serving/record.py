"""What happened to requests, by endpoint, version and revision: lists on the hot path, sums off it.

The event loop only appends to lists. The worker's sync thread takes what they hold, folds it into
`release.measurement.Summary` and hands it to the store as slices.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from seatrial.kernel.clock import Clock
from seatrial.kernel.store import Slice, Slices
from seatrial.serving.enrolment import EXPOSURES, Exposure, Exposures, encode
from seatrial.serving.outcome import ERROR, OK, REJECTED, SHED

if TYPE_CHECKING:
    from seatrial.release.measurement import Quality, Summary

OUTSIDE = 0
"""The revision of what is no evidence: testers' own choice of version, copies sent to a version
that answers other requests under the same revision, requests that both versions of a trial refuse.
"""

Observe: TypeAlias = Callable[[float, str], None]
"""Records latency in seconds and outcome of one request."""

Appraise: TypeAlias = "Callable[[Quality], None]"
"""Records what is known of an answer besides: with the request, or later."""

Arm: TypeAlias = tuple[str, int]
"""An experiment, and the place of one of its arms."""

_Key: TypeAlias = tuple[str, int, int, Arm | None]  # endpoint, version, revision, arm
_T = TypeVar("_T")

_MAX_HELD = 1_000
"""Observations a tally holds before it folds them itself, in less than a tenth of a millisecond: a
second thread that folds many would keep the event loop waiting for the interpreter."""

_CLOSELY = 200
"""First answers of a canary that are handed on at once: a hopeless one ends after about ten."""

_MAX_TOTALS = 256
"""Versions whose totals are kept; the counters of the oldest go."""

_KEEP_S = 900.0
"""How long a retired tally waits for requests that were picked by it; longer than any deadline."""


def _nothing() -> Summary:
    from seatrial.release.measurement import Summary  # noqa: PLC0415 - loaded with the version

    return Summary.empty()


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Observations added up: the summary, and the seconds of all answers together."""

    summary: Summary = field(default_factory=_nothing)
    seconds: float = 0.0

    def __add__(self, other: Total) -> Total:
        return Total(
            summary=self.summary.merge(other.summary), seconds=self.seconds + other.seconds
        )


class Tally:
    """The observations of one version under one revision, until they are taken.

    Args:
        urgent: told when what was observed should not wait; None for a version not on trial.
    """

    __slots__ = (
        "_folded",
        "_left",
        "_lock",
        "_others",
        "_qualities",
        "_times",
        "_urgent",
        "retired_at",
    )

    def __init__(self, urgent: threading.Event | None = None) -> None:
        self._times: list[float] = []
        self._others: list[tuple[float, str]] = []
        self._qualities: list[Quality] = []
        self._folded: Total | None = None
        self._lock = threading.Lock()
        self._urgent = urgent
        self._left = _CLOSELY
        self.retired_at = math.inf

    def observe(self, latency_s: float, outcome: str) -> None:
        """Record one request."""
        if outcome == OK:
            held = self._times
            held.append(latency_s)
            if len(held) >= _MAX_HELD:
                self._fold()
            return
        self._others.append((latency_s, outcome))
        if len(self._others) >= _MAX_HELD:
            self._fold()

    def appraise(self, quality: Quality) -> None:
        """Record what is known of an answer."""
        self._qualities.append(quality)
        if len(self._qualities) >= _MAX_HELD:
            self._fold()

    def observe_closely(self, latency_s: float, outcome: str) -> None:
        """Record one request of a version on trial: its first answers and all errors are urgent."""
        self.observe(latency_s, outcome)
        if self._left > 0 or outcome.startswith(ERROR):
            self._left -= 1
            if self._urgent is not None and not self._urgent.is_set():
                self._urgent.set()

    def take(self) -> Total | None:
        """What was observed since the last call; None when nothing was."""
        self._fold()
        with self._lock:
            total, self._folded = self._folded, None
        return total

    def _fold(self) -> None:
        with self._lock:
            times, others = _drained(self._times), _drained(self._others)
            qualities = _drained(self._qualities)
            if times or others or qualities:
                news = _total(times, others, qualities)
                self._folded = news if self._folded is None else self._folded + news


@dataclass(slots=True)
class _Unsent:
    """A summary the store does not have yet, and the span of time it covers."""

    summary: Summary
    start: datetime
    end: datetime


class Recorder:
    """The tallies of one worker, and the way from them to the store.

    Tallies are asked for on the event loop; everything else is called by one other thread.

    Args:
        worker: name of the worker, as slices give it.
        clock: wall clock for the spans of slices, monotonic for how long to keep a tally.
    """

    def __init__(self, *, worker: str, clock: Clock) -> None:
        self.urgent = threading.Event()
        self._worker = worker
        self._clock = clock
        self._lock = threading.Lock()
        self._tallies: dict[_Key, Tally] = {}
        self._unsent: dict[_Key, _Unsent] = {}
        self._totals: dict[tuple[str, int], Total] = {}
        self._exposures: dict[str, Exposures] = {}

    def observer(
        self,
        endpoint: str,
        version: int,
        revision: int,
        *,
        watched: bool = False,
        arm: Arm | None = None,
    ) -> Observe:
        """Where answers of a version under a revision are recorded; the same place each time.

        Args:
            watched: whether the version is on trial, so that its first answers and its errors
                should reach the store at once.
            arm: of an experiment, for which the answers are counted besides; None for none.
        """
        tally = self._tally((endpoint, version, revision, arm))
        return tally.observe_closely if watched else tally.observe

    def appraiser(
        self, endpoint: str, version: int, revision: int, *, arm: Arm | None = None
    ) -> Appraise:
        """Where the quality of answers of a version under a revision is recorded."""
        return self._tally((endpoint, version, revision, arm)).appraise

    def exposures(self, experiment: str) -> Exposures:
        """Where it is kept who met an arm of an experiment; the same place each time."""
        with self._lock:
            return self._exposures.setdefault(experiment, Exposures(self._clock.now))

    def _tally(self, key: _Key) -> Tally:
        with self._lock:
            tally = self._tallies.get(key)
            if tally is None:
                tally = self._tallies[key] = Tally(self.urgent)
            tally.retired_at = math.inf
            return tally

    def retire(self, endpoint: str) -> None:
        """The endpoint's table was replaced: no new request will use its tallies."""
        now = self._clock.monotonic()
        with self._lock:
            for (name, *_), tally in self._tallies.items():
                if name == endpoint:
                    tally.retired_at = min(tally.retired_at, now)

    def flush(self, slices: Slices) -> None:
        """Hand everything observed so far to the store.

        Raises: StoreUnavailable, StoreFull: nothing is lost; what could not be sent is merged with
            what comes and goes with the next flush.
        """
        self._send_exposures(slices)
        self.collect()
        sent = list(self._unsent.items())
        if sent:
            slices.add_slices([one for key, unsent in sent for one in self._slices(key, unsent)])
            self._unsent.clear()

    def totals(self) -> Mapping[tuple[str, int], Total]:
        """Everything recorded since the worker started, by endpoint and version."""
        return dict(self._totals)

    @property
    def n_unsent(self) -> int:
        """Slices that wait for the store."""
        return len(self._unsent)

    def collect(self) -> None:
        """Add up what the tallies hold; `flush` does so itself."""
        now = self._clock.now()
        with self._lock:
            tallies = list(self._tallies.items())
        for key, tally in tallies:
            news = tally.take()
            if news is not None:
                self._add(key, news, now)
            elif self._clock.monotonic() - tally.retired_at > _KEEP_S:
                self._expire(key, tally)

    def _add(self, key: _Key, news: Total, now: datetime) -> None:
        unsent = self._unsent.get(key)
        if unsent is None:
            self._unsent[key] = _Unsent(news.summary, now, now)
        else:
            unsent.summary, unsent.end = unsent.summary.merge(news.summary), now
        endpoint, version, *_ = key
        self._totals[endpoint, version] = self._totals.get((endpoint, version), Total()) + news
        if len(self._totals) > _MAX_TOTALS:
            del self._totals[next(iter(self._totals))]

    def _expire(self, key: _Key, tally: Tally) -> None:
        with self._lock:
            if tally.retired_at < math.inf:
                del self._tallies[key]

    def _slices(self, key: _Key, unsent: _Unsent) -> list[Slice]:
        """What the store is given: the endpoint's slice, and for an arm the experiment's."""
        endpoint, version, revision, arm = key
        start = unsent.start.replace(microsecond=0)
        seconds = max(0.0, (unsent.end - start).total_seconds())
        slice_ = Slice(
            endpoint=endpoint,
            version=version,
            revision=revision,
            worker=self._worker,
            start=start,
            width_s=float(math.floor(seconds) + 1),
            summary=unsent.summary.encode(),
        )
        if arm is None:
            return [slice_]
        experiment, place = arm
        return [slice_, replace(slice_, endpoint=trial_stream(experiment), version=place + 1)]

    def _send_exposures(self, slices: Slices) -> None:
        """As many slices as it takes; what was not sent is held for the next time."""
        with self._lock:
            kept = list(self._exposures.items())
        for experiment, exposures in kept:
            while found := exposures.take():
                slices.add_slices([self._exposed(experiment, found)])
                exposures.taken(len(found))

    def _exposed(self, experiment: str, found: list[Exposure]) -> Slice:
        return Slice(
            endpoint=trial_stream(experiment),
            version=1,
            revision=0,
            worker=self._worker,
            start=self._clock.now(),
            width_s=0.0,
            summary=encode(found),
            kind=EXPOSURES,
        )


def trial_stream(experiment: str) -> str:
    """The name that the slices of an experiment are kept under, beside those of endpoints."""
    return f"experiment/{experiment}"


def _total(times: list[float], others: list[tuple[float, str]], qualities: list[Quality]) -> Total:
    from seatrial.release.measurement import UNKNOWN, Summary  # noqa: PLC0415 - as above

    outcomes = Counter(outcome for _, outcome in others)
    errors = {o.removeprefix(ERROR): n for o, n in outcomes.items() if o.startswith(ERROR)}
    times.extend(latency_s for latency_s, outcome in others if outcome.startswith(ERROR))
    summary = Summary.of(times, errors=errors, n_rejected=outcomes[REJECTED], n_shed=outcomes[SHED])
    if qualities:
        summary = replace(summary, quality=sum(qualities, UNKNOWN))
    return Total(summary=summary, seconds=math.fsum(times))


def _drained(held: list[_T]) -> list[_T]:
    """Empty a list that another thread appends to.

    Copying the first n items and deleting them are one step each under the interpreter's lock, and
    an append only ever adds behind them.
    """
    n = len(held)
    taken = held[:n]
    del held[:n]
    return taken
