"""The segments of every endpoint of a server: what the monitor asks now and then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Presence
from seatrial.monitoring.alerts.finding import Finding
from seatrial.monitoring.alerts.troubles import NOT_KEPT, LeaseLost, Troubles
from seatrial.monitoring.watching.segment_watch import Record, SegmentWatch, lacking_record

BEATS = "segments/"

_EVERY_S = 5.0
_AGAIN_S = 600.0
"""How often what has not changed is said again: what nobody says for a day is forgotten."""

_TURN_S = 1.0
"""Reading on stops after so long, so that a backlog does not keep all else from being watched."""

_KEPT_S = 86_400.0

SEGMENTS, REFERENCE = "its segments", "its reference by segment"
"""Parts of the watch that may be in trouble."""


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
        troubles: told of what is not watched, and why.
    """

    def __init__(
        self, presence: Presence, *, clock: Clock, opened: OpenSegments, troubles: Troubles
    ) -> None:
        self._presence = presence
        self._clock = clock
        self._opened = opened
        self._troubles = troubles
        self._watches: dict[tuple[str, int], SegmentWatch | Lacking | None] = {}
        self._unopened: set[tuple[str, int]] = set()
        self._said: dict[tuple[str, int], Record] = {}
        self._due_s = self._again_s = 0.0

    def turn(self, served: Mapping[str, Collection[int]], tell: Callable[[Finding], None]) -> None:
        """Look at every version, if it is time to.

        Args:
            served: by endpoint, the versions that may answer.
            tell: told of each window that became complete, at least once, whatever is killed
                meanwhile.
        Raises: StoreUnavailable and its kin: of the store; trouble with what is kept beside it is
            said, and tried again.
        """
        now_s = self._clock.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + _EVERY_S
        keys = sorted((name, v) for name, versions in served.items() for v in versions)
        if now_s >= self._again_s:
            self._again_s = now_s + _AGAIN_S
            self._said.clear()
            for key in self._unopened:
                self._watches.pop(key, None)
            self._unopened.clear()
            for key in self._watches.keys() - keys:
                self._opened.close(*key)
                del self._watches[key]
        for key in keys:
            self._look(key, tell)

    def close(self) -> None:
        """Let go of everything, so that another process can go on."""
        for key in self._watches:
            self._opened.close(*key)
        self._watches.clear()
        self._unopened.clear()
        self._said.clear()
        self._due_s = self._again_s = 0.0

    def _look(self, key: tuple[str, int], tell: Callable[[Finding], None]) -> None:
        name, version = key
        stop_s = self._clock.monotonic() + _TURN_S
        try:
            watch = self._watch(key)
            if isinstance(watch, SegmentWatch):
                for _ in watch.read(tell):
                    if self._clock.monotonic() >= stop_s:
                        break
        except LeaseLost:
            raise
        except Exception as problem:  # noqa: BLE001 - a border: all else goes on being watched
            # What is in memory may be ahead of what was kept.
            self._troubles.met(name, SEGMENTS, problem, version=version)
            self._opened.close(*key)
            self._watches.pop(key, None)
            return
        self._troubles.over(name, SEGMENTS, version=version)
        self._say(key, watch)

    def _watch(self, key: tuple[str, int]) -> SegmentWatch | Lacking | None:
        if key not in self._watches:
            name, version = key
            try:
                self._watches[key] = self._opened(*key)
            except NOT_KEPT:
                raise
            except SeatrialError as problem:
                self._troubles.met(name, REFERENCE, problem, version=version)
                self._watches[key] = None
                self._unopened.add(key)
            else:
                self._troubles.over(name, REFERENCE, version=version)
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
