"""When a process that died may be started again. Pure: the past and the time are arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Bounds on restarting.

    Args:
        max_restarts: restarts within ``window_s`` before the engine counts as down, >= 1.
        window_s: how far back restarts count, seconds > 0.
        first_delay_s: wait before the first restart in a window, seconds >= 0.
        factor: growth of the wait with each further restart, >= 1.
        max_delay_s: longest wait, seconds.
        cool_off_s: wait once down, before one restart is tried, seconds.
    """

    max_restarts: int = 5
    window_s: float = 60.0
    first_delay_s: float = 0.05
    factor: float = 3.0
    max_delay_s: float = 5.0
    cool_off_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What to do about a process that died.

    Args:
        delay_s: seconds to wait before starting it again, >= 0.
        down: whether it died too often; the start after the delay is a trial.
        recent: earlier restarts that still count.
    """

    delay_s: float
    down: bool
    recent: tuple[float, ...]


def next_restart(policy: RestartPolicy, restarts: Sequence[float], *, now: float) -> Restart:
    """The next restart.

    Args:
        policy: the bounds.
        restarts: monotonic times of earlier restarts, ascending.
        now: the monotonic time, not before the last of them.
    """
    recent = tuple(t for t in restarts if now - t < policy.window_s)
    if len(recent) >= policy.max_restarts:
        return Restart(delay_s=policy.cool_off_s, down=True, recent=recent)
    delay = policy.first_delay_s * policy.factor ** len(recent)
    return Restart(delay_s=min(delay, policy.max_delay_s), down=False, recent=recent)
