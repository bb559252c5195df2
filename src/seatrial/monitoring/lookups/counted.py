"""What workers counted of their lookups, added up over workers and cut into windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import msgspec

from seatrial.kernel.store import Beat
from seatrial.stats.counts import Counts

Key: TypeAlias = tuple[str, str]
"""Endpoint and feature."""

_STALE = ("stale",)
_ABSENT = ("missing", "null")


class _Told(msgspec.Struct, frozen=True):
    """The part of a worker's beat (`features/tally.py`) that is read here."""

    values: list[tuple[str, str, str, int]] = []
    newest_s: list[tuple[str, str, float]] = []
    limits_s: list[tuple[str, str, float]] = []


class _Features(msgspec.Struct, frozen=True):
    features: _Told = _Told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A feature of an endpoint over a while.

    Args:
        since_s: when it began, by the clock of whoever watches.
        states: values by what was found.
        newest_s: when the newest value that was ever looked up became true, in seconds since 1970;
            None where nothing was found yet.
        limit_s: the age at which a value counts no more; None for never.
    """

    since_s: float
    states: Mapping[str, int] = field(default_factory=dict)
    newest_s: float | None = None
    limit_s: float | None = None

    @property
    def n(self) -> int:
        """Values looked up."""
        return sum(self.states.values())

    @property
    def stale(self) -> Counts:
        """Those that expired."""
        return self._of(_STALE)

    @property
    def absent(self) -> Counts:
        """Those that were not there, or null."""
        return self._of(_ABSENT)

    def _of(self, states: Iterable[str]) -> Counts:
        return Counts(n=self.n, k=sum(self.states.get(state, 0) for state in states))


class Counted:
    """Cuts the counters of workers into windows; all it remembers can be lost.

    Args:
        every_s: how long a window lasts at least.
        least: how many values it holds at least.
    """

    def __init__(self, *, every_s: float, least: int) -> None:
        self._every_s = every_s
        self._least = least
        self._before: dict[tuple[str, Key, str], int] = {}
        self._open: dict[Key, Window] = {}
        self._workers: set[str] = set()

    def add(self, beats: Iterable[Beat], *, now_s: float) -> dict[Key, Window]:
        """Take what workers say now; returns the windows that are complete with it.

        What a worker had counted before it was first seen is left out, since nobody knows when.
        """
        for beat in beats:
            self._take(beat, now_s)
        done = {
            key: window
            for key, window in self._open.items()
            if window.n >= self._least and now_s - window.since_s >= self._every_s
        }
        for key, window in done.items():
            self._open[key] = replace(window, since_s=now_s, states={})
        return done

    def _take(self, beat: Beat, now_s: float) -> None:
        try:
            told = msgspec.convert(beat.data.get("beside") or {}, _Features).features
        except msgspec.ValidationError:
            return
        for endpoint, feature, state, n in told.values:
            key, counter = (endpoint, feature), (beat.name, (endpoint, feature), state)
            window = self._open.get(key, Window(since_s=now_s))
            before = self._before.get(counter, 0 if beat.name in self._workers else n)
            self._before[counter] = n
            more = n - before if n >= before else n  # it counts from zero when it started anew
            states = {**window.states, state: window.states.get(state, 0) + more}
            self._open[key] = replace(window, states=states)
        self._workers.add(beat.name)
        for endpoint, feature, newest_s in told.newest_s:
            key = (endpoint, feature)
            if key in self._open:
                known = self._open[key].newest_s
                newest = newest_s if known is None else max(known, newest_s)
                self._open[key] = replace(self._open[key], newest_s=newest)
        for endpoint, feature, limit_s in told.limits_s:
            key = (endpoint, feature)
            if key in self._open:
                self._open[key] = replace(self._open[key], limit_s=limit_s)
