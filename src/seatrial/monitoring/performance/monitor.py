"""The performance of every endpoint of a server: what the monitor asks now and then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from seatrial.kernel.clock import Clock
from seatrial.kernel.store import Presence
from seatrial.monitoring.alerts.troubles import NOT_KEPT, LeaseLost, Troubles
from seatrial.monitoring.performance.endpoint import TURN_S, EndpointPerformance, OpenPerformance
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.performance.view import BEATS, Record, performance_record

_EVERY_S = 2.0
_AGAIN_S = 600.0
"""How often what has not changed is said again: what nobody says for a day is forgotten."""

ALL, SAID = "predictions and labels", "what is shown of its performance"
"""Parts of the watch that may be in trouble."""

Tell = Callable[[str, Told], None]
"""Told what was found of an endpoint."""


class PerformanceMonitor:
    """Follows predictions and labels; says what it knows in a beat of its own for each version.

    Args:
        presence: where it says so.
        clock: wall and monotonic time.
        opened: what is kept of endpoints.
        wait_s: how long a label waits for its prediction, > 0.
        troubles: told of what is not watched, and why.
        every_s: how often it looks, whatever it is asked, >= 0.
        turn_s: how long a look at an endpoint reads on, > 0.
    """

    def __init__(
        self,
        presence: Presence,
        *,
        clock: Clock,
        opened: OpenPerformance,
        wait_s: float,
        troubles: Troubles,
        every_s: float = _EVERY_S,
        turn_s: float = TURN_S,
    ) -> None:
        self._presence = presence
        self._troubles = troubles
        self._clock = clock
        self._opened = opened
        self._wait_s = wait_s
        self._every_s = every_s
        self._turn_s = turn_s
        self._endpoints: dict[str, EndpointPerformance] = {}
        self._records: dict[tuple[str, int], Record] = {}
        self._unsaid: set[tuple[str, int]] = set()
        self._due_s = self._again_s = 0.0

    def turn(self, served: Mapping[str, Collection[int]], tell: Tell) -> None:
        """Look at every endpoint, if it is time to.

        Args:
            served: by endpoint, the versions that may answer.
            tell: told what is found of an endpoint, at least once, whatever is killed meanwhile.
        Raises: StoreUnavailable and its kin: of the store; trouble with what is kept beside it is
            said, and tried again.
        """
        now_s = self._clock.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s
        for name, versions in served.items():
            changed = self._turned(name, versions, tell)
            self._unsaid |= {(name, version) for version in changed}
        again = now_s >= self._again_s
        for name, endpoint in self._endpoints.items():
            for version, performance in endpoint.versions().items():
                if again or (name, version) in self._unsaid:
                    self._say(name, endpoint, performance)
        if again:
            self._again_s = now_s + _AGAIN_S

    def records(self, endpoint: str) -> dict[int, Record]:
        """What is known of an endpoint's versions."""
        return {v: record for (name, v), record in self._records.items() if name == endpoint}

    def n_labelled(self, endpoint: str) -> int | None:
        """Predictions of an endpoint that got a label so far; None where none is watched."""
        found = self._endpoints.get(endpoint)
        versions = found.versions().values() if found is not None else ()
        return sum(one.progress.n_labelled for one in versions) if versions else None

    def close(self) -> None:
        """Let go of everything, so that another process can go on."""
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._endpoints.clear()
        self._records.clear()
        self._due_s = self._again_s = 0.0

    def _say(
        self, name: str, endpoint: EndpointPerformance, performance: VersionPerformance
    ) -> None:
        version = performance.version
        try:
            record = performance_record(performance)
            record["n_waiting"] = endpoint.n_waiting()
            record["n_unknown"] = endpoint.n_unknown()
            self._records[name, version] = record
            self._presence.beat(f"{BEATS}{name}/{version}", record)
        except NOT_KEPT:
            raise
        except Exception as problem:  # noqa: BLE001 - a border: other versions are shown
            self._troubles.met(name, SAID, problem, version=version)
        else:
            self._troubles.over(name, SAID, version=version)
            self._unsaid.discard((name, version))

    def _turned(self, name: str, versions: Collection[int], tell: Tell) -> set[int]:
        opened = name not in self._endpoints
        try:
            if opened:
                self._endpoints[name] = EndpointPerformance(
                    name,
                    opened=self._opened,
                    clock=self._clock,
                    wait_s=self._wait_s,
                    tell=partial(tell, name),
                    troubles=self._troubles,
                    turn_s=self._turn_s,
                )
            changed = self._endpoints[name].turn(versions, self._clock.now())
        except LeaseLost:
            raise
        except Exception as problem:  # noqa: BLE001 - a border: drift and service go on
            # What was not kept is read again: what is in memory may be ahead of the ledger.
            self._troubles.met(name, ALL, problem)
            self._opened.close(name)
            self._endpoints.pop(name, None)
            return set()
        self._troubles.over(name, ALL)
        # What was taken in before it was closed may not have been said.
        return set(self._endpoints[name].versions()) if opened else changed
