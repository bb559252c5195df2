"""One stream of facts with the state that follows from it: read forward, changed by comparison.

The thin shell around the pure parts of the watch. Thread-safe; calls block on the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog, StreamChanged

_PAGE = 1000
_ATTEMPTS = 20

S = TypeVar("S")


class Stream(Generic[S]):
    """The newest state of a stream.

    Args:
        log: where the facts are.
        name: of the stream.
        state: before its first fact.
        fold: the state after more facts; pure.
    """

    def __init__(
        self, log: FactLog, name: str, *, state: S, fold: Callable[[S, Sequence[Fact]], S]
    ) -> None:
        self._log = log
        self._name = name
        self._state = state
        self._fold = fold
        self._seq = 0
        self._revision = 0
        self._lock = threading.RLock()

    @property
    def state(self) -> S:
        """As of the last refresh or change."""
        return self._state

    def refresh(self) -> S:
        """Fold what was appended meanwhile.   Raises: StoreUnavailable; UnknownFact."""
        with self._lock:
            while facts := self._log.read(stream=self._name, after=self._seq, limit=_PAGE):
                self._state = self._fold(self._state, facts)
                self._seq, self._revision = facts[-1].seq, facts[-1].revision
            return self._state

    def change(self, decision: Callable[[S], Sequence[Draft]]) -> S:
        """Append what ``decision`` says of the newest state; decide anew if somebody was faster.

        Raises: StreamChanged: the stream changed under every attempt; what ``decision`` raises.
        """
        with self._lock:
            for attempts_left in reversed(range(_ATTEMPTS)):
                drafts = decision(self._state)
                if not drafts:
                    return self._state
                try:
                    self._log.append(self._name, drafts, expected=self._revision)
                except StreamChanged:
                    self.refresh()
                    if not attempts_left:
                        raise
                else:
                    return self.refresh()
        raise AssertionError("unreachable: the last attempt returns or raises")
