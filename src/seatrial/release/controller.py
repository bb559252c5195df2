"""The controller: brings every release forward, one tick at a time.

A thin shell around `rollout.decide`: it gathers what happened (staging results, what workers say,
evidence), asks, and appends the answer. All it remembers between ticks can be lost: a controller
that starts anew reads the facts and goes on. Two controllers cannot both act: one lease, and every
append is a compare-and-swap. An endpoint that cannot be read or judged stands still, alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.events import Draft
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import Beat, Lease, Store, StoreFull, StoreUnavailable, StreamChanged
from seatrial.release.endpoint import EndpointState, check_readable
from seatrial.release.gate_record import gates_from_dict
from seatrial.release.projection import Endpoints
from seatrial.release.rollout import Event, Looked, Phase, Rollout, Staged, Warmed, decide

if TYPE_CHECKING:
    from seatrial.release.evidence import Evidence
    from seatrial.release.verdict import Judgement

LEASE = "controller"
WORKERS = "worker/"
BEAT = "controller"

_LEASE_TTL_S = 10.0
_MAX_TICK_S = 2.0
_RECORD_EVERY_S = 10.0
_PRUNE_EVERY_S = 3600.0
_BEAT_EVERY_S = 1.0

RETENTION_S = 7 * 86_400.0
"""How long measurements are kept unless somebody says otherwise."""

_log = logging.getLogger(__name__)


class Stager(Protocol):
    """Runs the integration tests of a version, in the background."""

    def poll(self, rollout: Rollout, *, endpoint: str) -> Staged | None:
        """Start the tests unless they run already; their result once they have ended.

        Never blocks. The same release may be asked for again after a restart: tests have no
        effect beyond their report.
        """
        ...

    def close(self) -> None:
        """Stop whatever runs."""
        ...


@dataclass(slots=True)
class _Watch:
    """How long a step has been watched by this controller.

    Only time counts in which workers were there and served the step's split, so neither a stopped
    server nor a clock that jumps shortens a watch.
    """

    key: tuple[str, int]
    watched_s: float
    looked_at: float
    recorded_s: float
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class _Judged:
    """The newest judgement of a step; it stands until there is more evidence."""

    revision: int
    judgement: Judgement


class Controller:
    """Moves releases forward.

    Args:
        store: facts, leases, presence and slices.
        clock: monotonic time for watches, wall time for the age of measurements.
        stager: runs staging tests.
        holder: unique name of this process start.
        retention_s: measurements older than this are dropped, in seconds > 0.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        stager: Stager,
        holder: str,
        retention_s: float = RETENTION_S,
    ) -> None:
        self._store = store
        self._clock = clock
        self._stager = stager
        self._holder = holder
        self._retention = timedelta(seconds=retention_s)
        self._prune_at = self._beat_at = clock.monotonic()
        self._said: Mapping[str, object] = {}
        self._lease: Lease | None = None
        self._endpoints = Endpoints(store)
        self._evidence: dict[str, Evidence] = {}
        self._judged: dict[str, _Judged] = {}
        self._watches: dict[str, _Watch] = {}
        self._live: dict[str, Mapping[str, object]] = {}
        self._stuck: dict[str, str] = {}
        self._trouble = ""

    def tick(self) -> bool:
        """Bring every release one step forward if this controller holds the lease.

        Returns: whether it does. A store that does not answer makes the tick do nothing: what was
        not appended did not happen, and the next tick decides again.
        """
        try:
            self._lease = self._store.acquire(LEASE, self._holder, ttl_s=_LEASE_TTL_S)
            if self._lease is None:
                self._watches.clear()
                return False
            self._endpoints.refresh()
            for name in self._endpoints.names():
                self._advance(name)
            self._beat()
            self._prune()
            self._trouble = ""
        except StreamChanged as changed:
            _log.info("somebody else appended first, deciding again: %s", changed)
        except (StoreUnavailable, StoreFull) as problem:
            if self._trouble != str(problem):  # told once: it is asked again ten times a second
                self._trouble = str(problem)
                _log.warning("the store cannot be used, nothing is decided: %s", problem)
        return self._lease is not None

    def close(self) -> None:
        """Stop background work and give the lease back, so that another can go on at once."""
        self._stager.close()
        if self._lease is not None:
            try:
                self._store.release(self._lease)
            except StoreUnavailable as problem:
                _log.warning("the lease was not given back and will expire: %s", problem)

    def _beat(self) -> None:
        """Say what goes on: at once where that changed, else that it goes on."""
        said = {
            "holder": self._holder,
            "judgements": dict(self._live),
            "stuck": dict(self._stuck),
        }
        now = self._clock.monotonic()
        if said != self._said or now >= self._beat_at:
            self._store.beat(BEAT, said)
            self._said, self._beat_at = said, now + _BEAT_EVERY_S

    def _advance(self, name: str) -> None:
        """Bring one endpoint forward; what is wrong with it stops no other.

        Raises: StreamChanged, StoreUnavailable, StoreFull: these concern all of them.
        """
        try:
            check_readable(self._endpoints.get(name))
            self._bring_forward(name)
        except (StreamChanged, StoreUnavailable, StoreFull):
            raise
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            self._live.pop(name, None)
            if self._stuck.get(name) != str(problem):
                self._stuck[name] = str(problem) or repr(problem)
                foreseen = isinstance(problem, SeatrialError)
                _log.warning(
                    "endpoint %s stands still: %s", name, self._stuck[name], exc_info=not foreseen
                )
        else:
            if self._stuck.pop(name, None) is not None:
                _log.info("endpoint %s goes on", name)

    def _bring_forward(self, name: str) -> None:
        state = self._endpoints.get(name)
        rollout = state.active
        if rollout is None:
            self._live.pop(name, None)
            return
        event = self._event(state, rollout)
        if event is None:
            return
        drafts: list[Draft] = decide(rollout, event, stable=state.stable)
        if drafts:
            self._endpoints.append(name, drafts)

    def _event(self, state: EndpointState, rollout: Rollout) -> Event | None:
        if rollout.phase is Phase.STAGING:
            return self._stager.poll(rollout, endpoint=state.name)
        if rollout.phase is Phase.EVALUATING:
            return None  # whoever began the release says what came of it
        workers = self._store.present(WORKERS)
        if rollout.phase is Phase.WARMING:
            return _warmed(workers, state, rollout.version)
        return self._look(workers, state, rollout)

    def _look(self, workers: list[Beat], state: EndpointState, rollout: Rollout) -> Looked:
        judgement = self._judge(state, rollout)
        watch = self._watched(state, rollout, served=_serve(workers, state))
        self._live[state.name] = {
            "judgement": judgement.as_dict(),
            "watched_s": watch.watched_s,
        }
        return Looked(
            outcome=judgement.outcome,
            reason=judgement.reason,
            watched_s=watch.watched_s,
            judgement=judgement.as_dict(),
            worth_keeping=_worth_keeping(watch, judgement),
        )

    def _judge(self, state: EndpointState, rollout: Rollout) -> Judgement:
        """What the gates say of the evidence there is; thought through only when there is more."""
        # Only now: a server that releases nothing does without the memory that numerics take.
        with ONE_AT_A_TIME:
            from seatrial.release.evidence import Evidence  # noqa: PLC0415
            from seatrial.release.judge import judge  # noqa: PLC0415

        evidence = self._evidence.setdefault(state.name, Evidence(self._store, state.name))
        more = evidence.refresh()
        revision = rollout.step_revision
        judged = self._judged.get(state.name)
        if more or judged is None or judged.revision != revision:
            stable = state.stable
            judgement = judge(
                gates_from_dict(rollout.plan.gates),
                canary=evidence.of(rollout.version, revision=revision),
                stable=evidence.of(stable, revision=revision) if stable is not None else None,
            )
            judged = self._judged[state.name] = _Judged(revision, judgement)
        return judged.judgement

    def _prune(self) -> None:
        """Drop old measurements now and then.

        Not while a canary is watched: a wall clock that jumps ahead may not take its evidence.
        """
        now = self._clock.monotonic()
        states = map(self._endpoints.get, self._endpoints.names())
        if now < self._prune_at or any(s.active and s.active.phase is Phase.CANARY for s in states):
            return
        self._prune_at = now + _PRUNE_EVERY_S
        dropped = self._store.prune_slices(before=self._clock.now() - self._retention)
        if dropped:
            _log.info("dropped %d measurements that were too old", dropped)

    def _watched(self, state: EndpointState, rollout: Rollout, *, served: bool) -> _Watch:
        now = self._clock.monotonic()
        key = (rollout.release, rollout.step)
        watch = self._watches.get(state.name)
        if watch is None or watch.key != key:
            # Another controller may have kept a judgement before: the same again says nothing.
            kept = str(rollout.evidence.get("outcome", ""))
            watch = _Watch(key, rollout.watched_s, now, rollout.watched_s, outcome=kept)
            self._watches[state.name] = watch
        if served:
            watch.watched_s += min(now - watch.looked_at, _MAX_TICK_S)
        watch.looked_at = now
        return watch


def _worth_keeping(watch: _Watch, judgement: Judgement) -> bool:
    changed = watch.outcome != judgement.outcome.value
    if changed or watch.watched_s - watch.recorded_s >= _RECORD_EVERY_S:
        watch.outcome = judgement.outcome.value
        watch.recorded_s = watch.watched_s
        return True
    return False


def _warmed(workers: list[Beat], state: EndpointState, version: int) -> Warmed | None:
    """Whether all workers have the version loaded; None while some still load, or none is there."""
    for worker in workers:
        problem = _part(worker, "failed", state.name).get(str(version))
        if problem:
            return Warmed(problem=f"version {version} could not be loaded: {problem}")
    ready = [version in _loaded(worker, state.name) for worker in workers]
    return Warmed() if ready and all(ready) else None


def _serve(workers: list[Beat], state: EndpointState) -> bool:
    """Whether some worker serves the split the state asks for."""
    return any(applied_by(worker, state.name) == state.target_revision for worker in workers)


def _part(worker: Beat, key: str, endpoint: str) -> Mapping[str, object]:
    whole = worker.data.get(key)
    part = whole.get(endpoint) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _loaded(worker: Beat, endpoint: str) -> list[object]:
    loaded = worker.data.get("loaded")
    versions = loaded.get(endpoint) if isinstance(loaded, Mapping) else None
    return list(versions) if isinstance(versions, list) else []


def applied_by(worker: Beat, endpoint: str) -> object:
    """The revision of an endpoint's split that a worker says it serves, or None."""
    applied = worker.data.get("applied")
    return applied.get(endpoint) if isinstance(applied, Mapping) else None
