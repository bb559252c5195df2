"""Trouble of the watch itself, such as a file it cannot read: said once, and once that it is over.

What keeps a part of the watch from working is met again with every look. Whoever meets it says so
here each time; the log hears of it when it begins, when its cause changes and when it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import Conflict, SeatrialError
from seatrial.kernel.store import (
    StoreDamaged,
    StoreDenied,
    StoreFull,
    StoreMissing,
    StoreUnavailable,
    StreamChanged,
)


class LeaseLost(Conflict):
    """Another process watches by now: this one was away for too long."""

    code = "monitoring.lease_lost"
    retryable = True


NOT_KEPT = (
    LeaseLost,
    StoreUnavailable,
    StoreFull,
    StoreDenied,
    StoreMissing,
    StoreDamaged,
    StreamChanged,
)
"""Errors after which nothing was kept: what is in memory may be ahead of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What keeps a part of the watch from working.

    Args:
        part: of the watch, such as ``its labels``.
        version: whose; None for the endpoint.
        problem: in a sentence or two, with what to do.
        since_s: when it was first met, by the monotonic clock.
        cause: tells it from others.
    """

    part: str
    version: int | None
    problem: str
    since_s: float
    cause: tuple[str, object] = field(repr=False)

    @property
    def about(self) -> str:
        """Version and part, for a person."""
        return self.part if self.version is None else f"version {self.version}: {self.part}"

    def as_dict(self) -> dict[str, str]:
        """A JSON-able record."""
        return {"about": self.about, "problem": self.problem}


class Troubles:
    """What is wrong with the watch now.

    Args:
        log: where it is said.
        clock: monotonic time.
    """

    def __init__(self, log: logging.Logger, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._met: dict[tuple[str, str, int | None], Trouble] = {}

    def met(
        self, endpoint: str, part: str, problem: Exception, *, version: int | None = None
    ) -> None:
        """Something could not be done, as an error says; any that is not ours is a fault of ours.

        Args: endpoint, part and version: what it is about; said once for each.
        """
        cause: tuple[str, object]
        fault = False
        match problem:
            case SeatrialError():
                cause, said = (problem.code, None), str(problem)
            case OSError():
                cause, said = (type(problem).__name__, problem.errno), str(problem)
            case _:
                fault = True
                cause, said = (type(problem).__name__, str(problem)), f"a fault: {problem!r}"
        key = (endpoint, part, version)
        known = self._met.get(key)
        if known is not None and known.cause == cause:
            return
        trouble = Trouble(
            part=part,
            version=version,
            problem=said,
            since_s=self._clock.monotonic() if known is None else known.since_s,
            cause=cause,
        )
        self._met[key] = trouble
        self._log.warning("%s: %s: %s", endpoint, trouble.about, said, exc_info=fault)

    def over(self, endpoint: str, part: str, *, version: int | None = None) -> None:
        """It could be done, or nobody tries any more."""
        known = self._met.pop((endpoint, part, version), None)
        if known is not None:
            self._log.info("%s: %s: well again", endpoint, known.about)

    def lasting(
        self, endpoint: str, seconds: float, *, served: Collection[int] | None = None
    ) -> list[Trouble]:
        """What is wrong with an endpoint's watch for at least ``seconds``.

        Args: served: the versions that matter; None for all.
        """
        until_s = self._clock.monotonic() - seconds
        return [
            one
            for (name, _, version), one in self._met.items()
            if name == endpoint
            and one.since_s <= until_s
            and (version is None or served is None or version in served)
        ]
