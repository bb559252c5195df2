"""Where people and programs look at endpoints and decide: the same for command, API and console."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store
from seatrial.release.endpoint import (
    PRODUCTION,
    EndpointState,
    ask,
    check_free,
    check_readable,
    roll_back,
    start,
)
from seatrial.release.projection import Endpoints
from seatrial.release.recent import Recent, numbers, record
from seatrial.release.rollout import MODEL, Evaluated, Plan, decide
from seatrial.release.view import history, view

_WIDTH_S = 5
_KEEP_S = 900
_N_LATEST = 500


@dataclass(slots=True)
class _Latest:
    """The newest facts of an endpoint, and how far its stream was read."""

    seq: int = 0
    facts: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=_N_LATEST))


class Desk:
    """Reads and decides over one store. All calls block; thread-safe.

    Args:
        store: stays the caller's to close.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._endpoints = Endpoints(store)
        self._lock = threading.Lock()
        self._recent: dict[str, Recent] = {}
        self._latest: dict[str, _Latest] = {}

    def names(self) -> list[str]:
        """The endpoints, sorted."""
        with self._lock:
            self._endpoints.refresh()
            return self._endpoints.names()

    def state(self, name: str) -> EndpointState:
        """An endpoint's state.   Raises: UnknownEndpoint."""
        with self._lock:
            self._endpoints.refresh()
            return self._endpoints.get(name)

    def view(self, name: str) -> dict[str, object]:
        """An endpoint as a JSON-able record; see `release.view.view`.   Raises: UnknownEndpoint."""
        return view(self.state(name), self._store)

    def views(self) -> list[dict[str, object]]:
        """All endpoints."""
        return [self.view(name) for name in self.names()]

    def history(self, name: str, *, after: int = 0) -> list[dict[str, object]]:
        """The facts with ``seq > after``, oldest first.   Raises: UnknownEndpoint."""
        return history(self._store, self.state(name), after=after)

    def latest(self, name: str) -> list[dict[str, object]]:
        """The newest facts, some hundreds, oldest first; cheap to ask for again and again.

        Raises: UnknownEndpoint.
        """
        state = self.state(name)
        with self._lock:
            known = self._latest.setdefault(name, _Latest())
            for fact in history(self._store, state, after=known.seq):
                known.facts.append(fact)
                known.seq = int(str(fact["seq"]))
            return list(known.facts)

    def metrics(self, name: str, *, now: datetime) -> dict[str, object]:
        """The last quarter of an hour of an endpoint, by version.   Raises: UnknownEndpoint."""
        self.state(name)
        with self._lock:
            recent = self._recent.setdefault(
                name, Recent(self._store, name, width_s=_WIDTH_S, keep_s=_KEEP_S)
            )
            recent.refresh(now)
            versions = sorted({point.version for point in recent.points()})
            return {
                "width_s": _WIDTH_S,
                "requests_per_s": recent.rate_per_s(now),
                "totals": {str(v): numbers(recent.total(v)) for v in versions},
                "series": record(recent, width_s=_WIDTH_S, now=now),
            }

    def promote(self, name: str, *, by: str, reason: str = "") -> dict[str, object]:
        """Give the version on trial all traffic.

        Raises: UnknownEndpoint, RolloutConflict; UnknownFact: see `release/fold.py`.
        """
        return self._change(name, lambda state: ask(state, "promote", by=by, reason=reason))

    def abort(self, name: str, *, by: str, reason: str = "") -> dict[str, object]:
        """End the release under way.   Raises: UnknownEndpoint, RolloutConflict."""
        return self._change(name, lambda state: ask(state, "abort", by=by, reason=reason))

    def roll_back(
        self, name: str, *, to: int | None, by: str, reason: str = ""
    ) -> dict[str, object]:
        """End the trial under way, or return to an earlier version; see `endpoint.roll_back`.

        Raises: UnknownEndpoint, NothingToRollBack, RolloutConflict.
        """
        return self._change(name, lambda state: roll_back(state, to=to, by=by, reason=reason))

    def check_free(self, name: str, *, kind: str = MODEL, target: str = PRODUCTION) -> None:
        """Raises: RolloutConflict: see `endpoint.check_free`."""
        with self._lock:
            self._endpoints.refresh()
            check_free(self._endpoints.find(name), kind=kind, target=target)

    def start(
        self,
        name: str,
        *,
        version: int,
        digest: str,
        target: str,
        plan: Plan,
        by: str,
        notes: Mapping[str, object],
        kind: str = MODEL,
    ) -> EndpointState:
        """Begin to release a version; the endpoint is made if it does not exist.

        Raises: RolloutConflict.
        """
        with self._lock:
            return self._endpoints.change(
                name,
                lambda state: start(
                    state,
                    version=version,
                    digest=digest,
                    target=target,
                    plan=plan,
                    by=by,
                    notes=notes,
                    kind=kind,
                ),
            )

    def evaluated(self, name: str, release: str, found: Evaluated) -> None:
        """Say how the version of a release compares; nothing happens where none waits for it.

        Raises: UnknownEndpoint, UnknownFact.
        """

        def decision(state: EndpointState) -> list[Draft]:
            check_readable(state)
            if state.rollout is None or state.rollout.release != release:
                return []
            return decide(state.rollout, found, stable=state.stable)

        self._change(name, decision)

    def _change(
        self, name: str, decision: Callable[[EndpointState], list[Draft]]
    ) -> dict[str, object]:
        with self._lock:
            self._endpoints.refresh()
            self._endpoints.get(name)
            state = self._endpoints.change(name, decision)
        return view(state, self._store)
