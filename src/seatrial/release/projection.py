"""The present state of every endpoint, kept up to date from the log of facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from seatrial.kernel.errors import NotFound
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import FactLog, StreamChanged
from seatrial.release.endpoint import PREFIX, EndpointState, stream_of
from seatrial.release.fold import fold

_PAGE = 1000
_ATTEMPTS = 20


class UnknownEndpoint(NotFound):
    """No version was ever released under this name."""

    code = "release.unknown_endpoint"


class Endpoints:
    """Reads the log forward and folds it; one instance per thread that looks at endpoints."""

    def __init__(self, log: FactLog) -> None:
        self._log = log
        self._seen = 0
        self._states: dict[str, EndpointState] = {}

    def refresh(self) -> set[str]:
        """Fold what was appended since the last call; returns the names that changed.

        Raises: StoreUnavailable.
        """
        changed: set[str] = set()
        if self._log.head() == self._seen:
            return changed
        while facts := self._log.read(after=self._seen, limit=_PAGE):
            changed |= self._fold(facts)
            self._seen = facts[-1].seq
        return changed

    def _fold(self, facts: list[Fact]) -> set[str]:
        by_name: dict[str, list[Fact]] = defaultdict(list)
        for fact in facts:
            if fact.stream.startswith(PREFIX):
                by_name[fact.stream.removeprefix(PREFIX)].append(fact)
        for name, news in by_name.items():
            state = self._states.get(name, EndpointState(name=name))
            self._states[name] = fold(state, news)
        return set(by_name)

    def names(self) -> list[str]:
        """The names of all endpoints, sorted."""
        return sorted(self._states)

    def get(self, name: str) -> EndpointState:
        """The state of an endpoint as of the last refresh.

        Raises: UnknownEndpoint: naming the known ones.
        """
        state = self._states.get(name)
        if state is None:
            known = ", ".join(self.names()) or "none yet"
            raise UnknownEndpoint(
                f"There is no endpoint {name!r}.",
                remedy=f"Choose one of: {known}; or make it with `seatrial deploy`.",
                endpoint=name,
            )
        return state

    def find(self, name: str) -> EndpointState:
        """The state of an endpoint, empty when nothing was ever released under the name."""
        return self._states.get(name, EndpointState(name=name))

    def change(self, name: str, decision: Callable[[EndpointState], list[Draft]]) -> EndpointState:
        """Append what ``decision`` says of the newest state, deciding anew if somebody was faster.

        Raises: StreamChanged: the stream changed under every attempt; what ``decision`` raises.
        """
        for attempts_left in reversed(range(_ATTEMPTS)):
            self.refresh()
            try:
                return self.append(name, decision(self.find(name)))
            except StreamChanged:
                if not attempts_left:
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def append(self, name: str, drafts: list[Draft]) -> EndpointState:
        """Append to the endpoint's stream where it stands for us, and fold the result.

        Raises: StreamChanged: somebody else appended meanwhile: refresh and decide again.
        """
        if drafts:
            self._log.append(stream_of(name), drafts, expected=self.find(name).revision)
            self.refresh()
        return self.find(name)
