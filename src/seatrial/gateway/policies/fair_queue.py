"""A queue that takes turns between keys, so that who asks much does not keep others waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come, first served within a key; one of each key in turn.

    Bounded over all keys. When it is full, a key that holds less than the fullest one by two or
    more takes a place from it: the last comer of the fullest key has to go.

    Source: J. Nagle, On Packet Switches With Infinite Storage, RFC 970, 1985 (turns); P. McKenney,
    Stochastic Fairness Queueing, INFOCOM 1990 (drop from the longest queue).

    Args:
        most: items of all keys, >= 0.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._n = 0
        self._lines: dict[Hashable, deque[T]] = {}  # in the order of their turns

    def __len__(self) -> int:
        return self._n

    def push(self, key: Hashable, item: T) -> T | None:
        """Add an item.

        Returns: the item that has to go: another one, this one, or None.
        """
        gone: T | None = None
        if self._n >= self._most:
            fullest = max(self._lines, key=lambda k: len(self._lines[k]), default=None)
            own = len(self._lines.get(key, ()))
            if fullest not in self._lines or len(self._lines[fullest]) < own + 2:
                return item
            gone = self._lines[fullest].pop()
            self._n -= 1
        self._lines.setdefault(key, deque()).append(item)
        self._n += 1
        return gone

    def pop(self) -> T:
        """Take the item whose turn it is.   Raises: IndexError: there is none."""
        if not self._n:
            raise IndexError("the queue is empty")
        key = next(iter(self._lines))
        line = self._lines.pop(key)
        item = line.popleft()
        if line:
            self._lines[key] = line
        self._n -= 1
        return item

    def remove(self, key: Hashable, item: T) -> bool:
        """Take an item out of turn; whether it was there."""
        line = self._lines.get(key)
        if line is None or item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[key]
        self._n -= 1
        return True
