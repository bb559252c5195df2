"""Which arm of an experiment a request meets, and who has met one: cheap for keys seen before.

A key is drawn once and its answer kept, so a request of a known key costs one look into a mapping.
Whoever is drawn into an arm is an exposure, which goes to the store as part of a slice; when what
is kept is forgotten, the same exposure goes out again, and the first one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.release.trial import Trial

P = TypeVar("P")
"""Who answers a request; see `serving.router.Pick`."""

Exposure: TypeAlias = tuple[str, int, int]
"""Key as text, place of the arm, microseconds since the epoch."""

EXPOSURES = "exposures"
"""The kind of slices that hold them."""

MAX_KEY = 200
"""Bytes of a key that can be in an experiment."""

_MAX_KNOWN = 50_000
_MAX_HELD = 100_000
_PER_SLICE = 15_000
"""Exposures of one slice: with the longest keys they take 3.5 MB, under what the store keeps."""

_SCHEMA = 1


class ExposuresUnreadable(Invalid):
    """A slice that holds no exposures, or those of a later seatrial."""

    code = "serving.exposures_unreadable"


class Exposures:
    """Who met an arm of one experiment, until it is taken; bounded.

    The event loop adds, one other thread takes.

    Args: now: wall clock, aware UTC.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._held: list[Exposure] = []

    def add(self, unit: str, place: int) -> bool:
        """Keep one; says whether there was room."""
        if len(self._held) >= _MAX_HELD:
            return False
        self._held.append((unit, place, round(self._now().timestamp() * 1e6)))
        return True

    def take(self) -> list[Exposure]:
        """Those of one slice, the oldest first; empty when there are none.

        They stay until `taken` is called, so that nothing is lost when the store does not answer.
        """
        return self._held[:_PER_SLICE]

    def taken(self, n: int) -> None:
        """The store has the oldest ``n``."""
        del self._held[:n]


def encode(exposures: Sequence[Exposure]) -> bytes:
    """The bytes of a slice."""
    return msgspec.msgpack.encode((_SCHEMA, exposures))


def decode(data: bytes) -> list[Exposure]:
    """Exposures of a slice.   Raises: ExposuresUnreadable."""
    try:
        schema, held = msgspec.msgpack.decode(data, type=tuple[int, list[tuple[str, int, int]]])
    except msgspec.DecodeError as problem:
        raise _unreadable(str(problem)) from problem
    if schema != _SCHEMA:
        raise _unreadable(f"its schema is {schema}")
    return held


def _unreadable(why: str) -> ExposuresUnreadable:
    return ExposuresUnreadable(
        f"A slice holds no exposures: {why}.",
        remedy="Read it with the version of seatrial that wrote it.",
    )


class Enrolment(Generic[P]):
    """The experiments of one endpoint at one revision, as requests meet them.

    Args:
        trials: no key is in two.
        picks: by experiment, who answers for each arm, in order.
        outside: answers for keys in no experiment.
        exposures: by experiment, where those who met an arm are kept.
    """

    def __init__(
        self,
        trials: Iterable[Trial],
        picks: Mapping[str, Sequence[P]],
        outside: P,
        exposures: Mapping[str, Exposures],
    ) -> None:
        self._trials = [(t, picks[t.experiment], exposures[t.experiment]) for t in trials]
        self._outside = outside
        self._known: dict[bytes, P] = {}
        self.known = self._known.get
        """Who answers a key that was asked for before; None for others."""

    def meet(self, key: bytes) -> P:
        """Who answers a key; the same at every revision at which shares are the same."""
        pick = self._known.get(key)
        if pick is None:
            pick, is_kept = self._draw(key)
            if is_kept:
                self._keep(key, pick)
        return pick

    def _draw(self, key: bytes) -> tuple[P, bool]:
        unit = unit_of(key)
        for trial, picks, exposures in self._trials if unit is not None else ():
            place = trial.place(key)
            if place is not None and unit is not None:
                return picks[place], exposures.add(unit, place)
        return self._outside, True

    def _keep(self, key: bytes, pick: P) -> None:
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[key] = pick


def unit_of(key: bytes) -> str | None:
    """A key as outcomes name it; None for one that is in no experiment: longer than 200 bytes, or
    not printable text in UTF-8."""
    if len(key) > MAX_KEY:
        return None
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
