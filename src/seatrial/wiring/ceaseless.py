"""Work of a thread or a process of its own that goes on, whatever goes wrong in it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from seatrial.kernel.errors import SeatrialError


def ceaselessly(
    work: Callable[[], None],
    stop: threading.Event,
    *,
    log: logging.Logger,
    still: str,
    again_s: float,
) -> None:
    """Do it again and again until ``stop`` is set.

    Args:
        work: returns when ``stop`` is set, or when there is nothing more to do for a while.
        log: is told of every failure.
        still: what stands still then, as a clause.
        again_s: between two times.
    """
    while not stop.is_set():
        try:
            work()
        except SeatrialError as problem:
            log.error("%s: %s", still, problem)
        except Exception:
            log.exception("%s; it is tried again", still)
        stop.wait(again_s)
