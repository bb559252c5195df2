"""The segments of every endpoint of a server: what the monitor asks now and then."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Presence, StoreFull, StoreUnavailable
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.watching.segment_watch import Record, SegmentWatch, lacking_record

BEATS = "segments/"

_EVERY_S = 5.0
_AGAIN_S = 600.0
"""How often what has not changed is said again: what nobody says for a day is forgotten."""

_TURN_S = 1.0
"""Reading on stops after so long, so that a backlog does not keep all else from being watched."""

_KEPT_S = 86_400.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """Why a version cannot be watched by the segments that were asked for, with what to do."""

    en: str
    zh: str


class OpenSegments(Protocol):
    """Opens what versions are watched by."""

    def __call__(self, endpoint: str, version: int) -> SegmentWatch | Lacking | None:
        """The watch of a version, or why there is none; None where none was asked for.

        Raises: SeatrialError: the reference or what was kept cannot be read.
        """
        ...

    def close(self, endpoint: str, version: int) -> None:
        """Let go of what was opened of a version."""
        ...


class SegmentMonitor:
    """Follows the logged predictions by segment; says what it knows in a beat for each version.

    Args:
        presence: where it says so.
        clock: monotonic time.
        opened: what versions are watched by.
    """

    def __init__(self, presence: Presence, *, clock: Clock, opened: OpenSegments) -> None:
        self._presence = presence
        self._clock = clock
        self._opened = opened
        self._watches: dict[tuple[str, int], SegmentWatch | Lacking | None] = {}
        self._said: dict[tuple[str, int], Record] = {}
        self._due_s = self._again_s = 0.0

    def turn(self, served: Mapping[str, Collection[int]]) -> list[Finding]:
        """Look at every version, if it is time to; what to tell of windows that became complete.

        Args: served: by endpoint, the versions that may answer.
        Raises: StoreUnavailable, StoreFull: of the store; trouble with what is kept beside it is
            logged, and tried again.
        """
        now_s = self._clock.monotonic()
        if now_s < self._due_s:
            return []
        self._due_s = now_s + _EVERY_S
        if now_s >= self._again_s:
            self._again_s = now_s + _AGAIN_S
            self._said.clear()
        found = []
        for key in sorted((name, v) for name, versions in served.items() for v in versions):
            found += self._looked(key)
        return found

    def close(self) -> None:
        """Let go of everything, so that another process can go on."""
        for key in self._watches:
            self._opened.close(*key)
        self._watches.clear()
        self._said.clear()
        self._due_s = self._again_s = 0.0

    def _looked(self, key: tuple[str, int]) -> list[Finding]:
        found: list[Finding] = []
        stop_s = self._clock.monotonic() + _TURN_S
        try:
            watch = self._watch(key)
            if isinstance(watch, SegmentWatch):
                for one in watch.read():
                    found += [one] if one is not None else []
                    if self._clock.monotonic() >= stop_s:
                        break
        except (SeatrialError, OSError) as problem:
            # A border: whatever a drive does, all else goes on being watched. What is in memory may
            # be ahead of what was kept.
            _log.warning("the segments of %s version %d: %s", *key, problem)
            self._opened.close(*key)
            self._watches.pop(key, None)
            return found
        self._say(key, watch)
        return found

    def _watch(self, key: tuple[str, int]) -> SegmentWatch | Lacking | None:
        if key not in self._watches:
            try:
                self._watches[key] = self._opened(*key)
            except (StoreUnavailable, StoreFull):
                raise
            except SeatrialError as problem:
                _log.warning("%s version %d is not watched by segment: %s", *key, problem)
                self._watches[key] = None
        return self._watches[key]

    def _say(self, key: tuple[str, int], watch: SegmentWatch | Lacking | None) -> None:
        if watch is None:
            return
        if isinstance(watch, SegmentWatch):
            record = watch.record()
        else:
            record = lacking_record(*key, {"en": watch.en, "zh": watch.zh})
        if self._said.get(key) != record:
            name, version = key
            self._presence.beat(f"{BEATS}{name}/{version}", record)
            self._said[key] = record


def segment_records(presence: Presence, endpoint: str) -> dict[str, Record]:
    """What the monitor said last of an endpoint's versions by segment, by version.

    Raises: StoreUnavailable.
    """
    beats = presence.present(f"{BEATS}{endpoint}/", within_s=_KEPT_S)
    mine: list[Record] = [dict(b.data) for b in beats if b.data.get("endpoint") == endpoint]
    return {str(one["version"]): one for one in sorted(mine, key=lambda one: one["version"])}
