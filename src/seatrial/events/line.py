"""A line: one direction of events, kept going by whichever process holds its lease."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Lease, Leases
from seatrial.monitoring.alerts.outbox import Backoff

_LEASE_TTL_S = 3.0
"""So long nothing moves after a process was killed. Two that both believe to hold it for a moment,
as after one stood still, move some events twice, which does no harm."""

_RENEW_EVERY_S = 0.5
_IDLE_S = 0.2
_ELSEWHERE_S = 0.5

_log = logging.getLogger(__name__)


class Direction(Protocol):
    """What moves events, one way."""

    def step(self) -> int:
        """Move what there is; 0 when there was nothing.   Raises: SeatrialError."""
        ...

    def close(self) -> None:
        """Let go of the connections; the next step makes new ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a line does.

    Args:
        here: whether this process holds it.
        problem: of the newest attempt; "" when it went well.
        code: of the problem.
        since: when it began to fail.
    """

    here: bool = False
    problem: str = ""
    code: str = ""
    since: datetime | None = None


class Line:
    """Steps a direction, and connects it anew after a failure, later each time.

    Args:
        name: of the line and its lease.
        direction: is closed here.
        leases: let one process hold it.
        holder: unique name of this process start.
        clock: wall and monotonic time.
        chance: draws from [0, 1) for the jitter.
    """

    def __init__(
        self,
        name: str,
        direction: Direction,
        leases: Leases,
        *,
        holder: str,
        clock: Clock,
        chance: Callable[[], float],
        backoff: Backoff = Backoff(first_s=2.0, longest_s=30.0),  # noqa: B008 - frozen
    ) -> None:
        self.name = name
        self._direction = direction
        self._leases = leases
        self._holder = holder
        self._clock = clock
        self._chance = chance
        self._backoff = backoff
        self._lease: Lease | None = None
        self._renew_at_s = float("-inf")
        self._n_failures = 0
        self._retry_at_s = float("-inf")
        self.standing = Standing()

    def tick(self) -> float:
        """Move what there is; returns how many seconds to wait before the next call."""
        if self._clock.monotonic() < self._retry_at_s:
            return min(_IDLE_S, self._retry_at_s - self._clock.monotonic())
        try:
            return self._turn()
        except SeatrialError as problem:
            self._failed(problem.code, str(problem))
        except Exception as wrong:  # noqa: BLE001 - the border of a scheduled step
            _log.exception("the line %s failed", self.name)
            self._failed("", f"{type(wrong).__name__} in the line")
        return _IDLE_S

    def renew(self) -> None:
        """Keep the lease while a call of the broker takes its time; from another thread.

        Raises: StoreUnavailable.
        """
        if self._lease is not None:
            self._bid()

    def close(self) -> None:
        """Let go of everything, so that another process goes on at once."""
        self._disconnect()
        if self._lease is not None:
            self._leases.release(self._lease)
            self._lease = None

    def _turn(self) -> float:
        if self._lease is None or self._clock.monotonic() >= self._renew_at_s:
            self._bid()
        if self._lease is None:
            self._disconnect()
            self.standing = Standing()
            return _ELSEWHERE_S
        self.standing = replace(self.standing, here=True)
        moved = self._direction.step()
        if self.standing.problem:
            _log.info("%s: the broker answers again", self.name)
        self._n_failures, self.standing = 0, Standing(here=True)
        return 0.0 if moved else _IDLE_S

    def _bid(self) -> None:
        self._lease = self._leases.acquire(self.name, self._holder, ttl_s=_LEASE_TTL_S)
        self._renew_at_s = self._clock.monotonic() + _RENEW_EVERY_S

    def _failed(self, code: str, problem: str) -> None:
        if self.standing.code != code or not self.standing.problem:  # told once
            _log.warning("%s stands still, trying again: %s", self.name, problem)
        self._n_failures += 1
        wait_s = 0.1 + self._backoff.wait_s(self._n_failures, self._chance())
        self._retry_at_s = self._clock.monotonic() + wait_s
        since = self.standing.since or self._clock.now()
        self.standing = Standing(here=True, problem=problem, code=code, since=since)
        self._disconnect()

    def _disconnect(self) -> None:
        try:
            self._direction.close()
        except Exception:  # noqa: BLE001 - it is given up whatever it says
            _log.exception("%s could not be closed", self.name)
