"""Looks what is new in the registries, and starts a run for each event: polling is the truth.

A webhook only makes it look now. Any number may look: what they see is appended by
compare-and-swap, and a run is found by its key, so an event is handled once, wherever a process is
killed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import Lease, Store, StoreFull, StoreUnavailable, StreamChanged
from seatrial.registry.catalog import read_stream
from seatrial.registry.models import ModelRegistry
from seatrial.steps.runs import Runs
from seatrial.steps.workflow import Workflow
from seatrial.training.following.config import RegistryConfig
from seatrial.training.following.desk import FOLLOWER, OWN
from seatrial.training.following.exposition import exposition
from seatrial.training.following.nudges import ACCEPTED
from seatrial.training.following.nudges import PREFIX as NUDGES
from seatrial.training.following.seen import PREFIX, Arrival, Cause, Seen, decide, fold
from seatrial.training.following.standing import ArrivalInput

LEASE = "registry"

_LEASE_TTL_S = 10.0
_COUNTED_S = 86_400.0
_BEAT_EVERY_S = 1.0
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_ASKED_SHARE = 0.05
"""How much of the time a registry is asked, where `every` would have it asked more."""

_LONGEST_REST_S = 10.0
"""A version waits no longer for that share's sake."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Source:
    """A registry, and how it is doing."""

    registry: ModelRegistry
    every_s: float
    due_s: float = 0.0
    n_failed: int = 0
    problem: str = ""
    looked_at: str | None = None
    seen: dict[str, Seen] = field(default_factory=dict)


class Follower:
    """Looks, and starts runs.

    Args:
        store: facts, leases and presence.
        registries: by name.
        config: what is followed.
        workflow: of one arrival.
        clock: monotonic time decides when to look, wall time is shown.
        holder: unique name of this process start.
        offered: names the models of our own registry, which are followed whatever is configured.
        on_started: told that a run was started, so that nobody has to look for it.
    """

    def __init__(
        self,
        store: Store,
        registries: Mapping[str, ModelRegistry],
        config: RegistryConfig,
        workflow: Workflow,
        *,
        clock: Clock,
        holder: str,
        offered: Callable[[], Sequence[str]] = tuple,
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._offered = offered
        self._on_started = on_started
        self._config = config
        self._workflow = workflow
        self._clock = clock
        self._holder = holder
        self._lease: Lease | None = None
        self._head = -1
        self._nudges: Mapping[str, Mapping[str, int]] = {}
        self._beat_at_s = float("-inf")
        self._runs = Runs(store)
        self._trouble = ""
        self._sources = {
            name: _Source(registry, every_s=0.0 if name == OWN else config.every)
            for name, registry in registries.items()
        }

    def tick(self) -> bool:
        """Look at what is due, if nobody else does; whether this one is the one that looks."""
        try:
            self._lease = self._store.acquire(LEASE, self._holder, ttl_s=_LEASE_TTL_S)
            if self._lease is None:
                return False
            nudged = self._nudged()
            changed = self._changed()
            for name, source in self._sources.items():
                if self._is_due(name, source, nudged=nudged, changed=changed):
                    self._look(name, source)
            self._beat()
            self._trouble = ""
        except StreamChanged as changed_by:
            self._head = -1
            _log.info("somebody else appended first, looking again: %s", changed_by)
        except (StoreUnavailable, StoreFull) as problem:
            self._head = -1
            if self._trouble != str(problem):  # told once
                self._trouble = str(problem)
                _log.warning("the store cannot be used, nothing is followed: %s", problem)
        return self._lease is not None

    def close(self) -> None:
        """Give the lease back, so that another goes on at once."""
        if self._lease is not None:
            self._store.release(self._lease)

    def _nudged(self) -> bool:
        """Whether a webhook came since the last look."""
        beats = self._store.present(NUDGES, within_s=_COUNTED_S)
        now = {beat.name.removeprefix(NUDGES): _counts(beat.data) for beat in beats}
        fresh = any(
            counts.get(ACCEPTED, 0) > self._nudges.get(name, {}).get(ACCEPTED, 0)
            for name, counts in now.items()
        )
        self._nudges = now
        return fresh

    def _changed(self) -> bool:
        """Whether any fact was appended since the last look: an offer is one."""
        head = self._store.head()
        changed = head != self._head
        self._head = head
        return changed

    def _is_due(self, name: str, source: _Source, *, nudged: bool, changed: bool) -> bool:
        if name == OWN:
            return changed
        return nudged or self._clock.monotonic() >= source.due_s

    def _look(self, name: str, source: _Source) -> None:
        """Look at every model of a registry; one that does not answer is asked again later."""
        began_s = self._clock.monotonic()
        try:
            for model in self._models(name):
                self._follow(name, source, model)
        except (StreamChanged, StoreUnavailable, StoreFull):
            raise
        except SeatrialError as problem:
            self._postpone(name, source, problem)
            return
        if source.problem:
            _log.info("the registry %s answers again", name)
        source.n_failed, source.problem = 0, ""
        source.looked_at = self._clock.now().isoformat()
        now_s = self._clock.monotonic()
        source.due_s = now_s + rest_s(source.every_s, took_s=now_s - began_s)

    def _models(self, name: str) -> list[str]:
        return sorted({*self._config.models, *(self._offered() if name == OWN else ())})

    def _postpone(self, name: str, source: _Source, problem: SeatrialError) -> None:
        source.n_failed += 1
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(source.n_failed - 1, 16))
        source.due_s = self._clock.monotonic() + max(wait_s, source.every_s)
        if source.problem != str(problem):  # told once
            source.problem = str(problem)
            _log.warning("the registry %s cannot be followed: %s", name, problem)

    def _follow(self, name: str, source: _Source, model: str) -> None:
        """Append what is new of a model, and start a run for every event without one."""
        stream = f"{PREFIX}{name}/{model}"
        facts = read_stream(self._store, stream)
        seen = fold(facts)
        alias = self._config.of(model).alias
        drafts = decide(
            seen,
            numbers=[v.number for v in source.registry.versions(model, after=seen.after)],
            every=alias is None or name == OWN,
            alias=alias,
            at=None if alias is None else source.registry.aliases(model).get(alias),
            from_the_start=name == OWN,
        )
        if drafts and (facts or _matters(drafts)):
            facts += self._append(stream, drafts, expected=seen.revision)
            seen = fold(facts)
        known = source.seen.get(model, Seen())
        for arrival in seen.arrivals[len(known.arrivals) :]:
            self._start(name, model, arrival)
        source.seen[model] = seen

    def _append(self, stream: str, drafts: list[Draft], *, expected: int) -> list[Fact]:
        return self._store.append(stream, drafts, expected=expected)

    def _start(self, name: str, model: str, arrival: Arrival) -> None:
        given = ArrivalInput(
            source=name,
            model=model,
            number=arrival.number,
            endpoint=self._config.endpoint_of(model),
            cause=str(arrival.cause),
            revision=arrival.revision,
            alias=arrival.alias,
        )
        run, created = self._runs.start(
            self._workflow,
            key=given.key,
            input=given,
            reason=said_of(given),
            by="registry",
        )
        if created:
            self._on_started()
            _log.info("%s: %s", run.id, run.cause)

    def _beat(self) -> None:
        now = self._clock.monotonic()
        if now < self._beat_at_s:
            return
        self._beat_at_s = now + _BEAT_EVERY_S
        sources = {
            name: {
                "problem": source.problem,
                "looked_at": source.looked_at,
                "n_failed": source.n_failed,
            }
            for name, source in self._sources.items()
        }
        self._runs.refresh()
        told = exposition(
            up={name: not source.problem for name, source in self._sources.items()},
            webhooks=self._nudges,
            runs=self._runs.all(kind=self._workflow.kind),
        )
        self._store.beat(FOLLOWER, {"sources": sources, "metrics": told})


def rest_s(every_s: float, *, took_s: float) -> float:
    """How long a registry is left alone after a look.

    One that takes its time to answer, or whose models are many, is not kept busy by being asked.

    Args: every_s: as configured.   took_s: the look.
    """
    return max(every_s, min(took_s / _ASKED_SHARE, _LONGEST_REST_S))


def said_of(arrival: ArrivalInput) -> str:
    """Why a run was started, for a person."""
    what = f"version {arrival.number} of {arrival.model!r}"
    where = "here" if arrival.source == OWN else f"in {arrival.source}"
    match arrival.cause:
        case Cause.ALIAS:
            return f"the alias {arrival.alias!r} was moved to {what} {where}"
        case Cause.ASKED:
            return f"a person wants {what} {where} to be tried again"
        case _:
            return f"{what} was registered {where}"


def _counts(data: Mapping[str, object]) -> dict[str, int]:
    found = data.get("counts")
    return {k: int(n) for k, n in found.items()} if isinstance(found, Mapping) else {}


def _matters(drafts: list[Draft]) -> bool:
    """Whether a first look found anything: a model that is not there yet leaves no fact."""
    return any(draft.data.get("numbers") or draft.data.get("number") for draft in drafts)
