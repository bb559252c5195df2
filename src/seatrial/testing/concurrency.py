"""Threads that begin at the same moment, for suites that look for races."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_PATIENCE_S = 60


def at_once(work: Callable[[int], T], n: int) -> list[T]:
    """Call ``work(0)`` to ``work(n - 1)``, each in a thread of its own, started together.

    Returns: what they returned, in order.   Raises: what the first of them raised.
    """
    barrier = threading.Barrier(n)

    def start(me: int) -> T:
        barrier.wait(_PATIENCE_S)
        return work(me)

    with ThreadPoolExecutor(n) as pool:
        return [future.result() for future in [pool.submit(start, me) for me in range(n)]]


def follow(read_on: Callable[[list[T]], Sequence[T]], n: int) -> list[T]:
    """Read on until ``n`` records were seen, or a minute went by.

    Args:
        read_on: given what was seen so far, returns what came next.
        n: how many to wait for.
    """
    seen: list[T] = []
    deadline_s = time.monotonic() + _PATIENCE_S
    while len(seen) < n and time.monotonic() < deadline_s:
        seen.extend(read_on(seen))
    return seen
