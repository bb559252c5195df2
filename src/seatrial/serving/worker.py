"""One worker's other thread: brings what is served in line with the facts, and measurements out.

All blocking work is here, away from the event loop: reading targets, writing slices, beats and the
prediction log. A store that does not answer changes nothing of what is served.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Beat, Presence, Slices
from seatrial.release.endpoint import EndpointTarget
from seatrial.serving.counting import Counting
from seatrial.serving.fleet import Fleet, FleetState
from seatrial.serving.metrics import WorkerCounts, count, exposition
from seatrial.serving.record import Recorder, Total
from seatrial.serving.router import Router
from seatrial.serving.sample import PredictionLog
from seatrial.serving.shadow import Copies
from seatrial.serving.shipping import Shipper
from seatrial.serving.usage import machine, usage

if TYPE_CHECKING:
    from seatrial.serving.live import LiveVersion

_log = logging.getLogger(__name__)

_POLL_S = 0.05
_FLUSH_S = 0.5
_BEAT_S = 1.0
_WATCHERS = ("monitor", "registry/follower", "retraining", "events/out", "events/in")
"""Who besides workers has something to tell whoever scrapes one."""
"""The beat of the process that watches: its text for Prometheus is shown with ours."""
_GATHER_S = 0.02
"""How long urgent measurements wait for company: at most 50 small transactions a second."""


class WorkerStore(Presence, Slices, Protocol):
    """The parts of the store a worker writes to."""


class Targets(Protocol):
    """Where a worker reads what it shall serve."""

    def __call__(self) -> Mapping[str, EndpointTarget]:
        """The newest target of every endpoint, by name. Blocks; cheap when nothing changed.

        Raises: SeatrialError: the store does not answer; the last answer stays in force.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """How a worker stands.

    Args:
        ready: whether it has read its targets and serves them as far as they can be loaded.
        problems: what does not work at present, by what was tried; empty when all is well.
        fleet: what it has.
    """

    ready: bool
    problems: Mapping[str, str]
    fleet: FleetState


class Beside(Protocol):
    """What a worker counts besides predictions, for whoever scrapes any of the workers."""

    def snapshot(self) -> object:
        """The counts so far, as plain JSON. Called on the sync thread and on the event loop."""
        ...

    def exposition(self, workers: Mapping[str, object]) -> str:
        """The snapshots of all workers of a server, by name, in Prometheus' text format."""
        ...


class Worker:
    """Runs the sync thread of one worker process.

    Args:
        name: ``worker/<server>/<index>``; workers of one server share all but the index.
        address: where the server is reached, for others to see.
        store: presence and slices.
        targets: what to serve.
        fleets: the versions of each kind; what is of no kind here is served elsewhere.
        router: the tables of models, for counts.
        recorder: the measurements.
        clock: wall and monotonic time.
        copies: the shadow copies, for counts.
        counting: the rows to count, or None.
        log: the prediction log, or None.
        shipper: what converts the log, or None; one worker of a server is enough.
        beside: what else is counted, or None.
        on_ready: called once, on the sync thread, when everything that can be served is.
    """

    def __init__(
        self,
        *,
        name: str,
        address: str,
        store: WorkerStore,
        targets: Targets,
        fleets: Mapping[str, Fleet[Any]],
        router: Router[LiveVersion],
        recorder: Recorder,
        clock: Clock,
        copies: Copies,
        counting: Counting | None = None,
        log: PredictionLog | None = None,
        shipper: Shipper | None = None,
        beside: Beside | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._address = address
        self._on_ready = on_ready
        self._was_ready = False
        self._store = store
        self._read_targets = targets
        self._fleets = dict(fleets)
        self._router = router
        self._recorder = recorder
        self._clock = clock
        self._copies = copies
        self._counting = counting
        self._prediction_log = log
        self._shipper = shipper
        self._beside = beside
        self._others_beside: dict[str, object] = {}
        self._targets: Mapping[str, EndpointTarget] | None = None
        self._problems: dict[str, str] = {}
        self._others: dict[str, WorkerCounts] = {}
        self._watch_says = ""
        self._machine = machine()
        self._used = usage([os.getpid()])
        self._flush_at = self._beat_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._main, name="sync", daemon=True)

    def start(self) -> None:
        """Start the thread; versions begin to load at once."""
        self._thread.start()

    async def stop(self, *, drain_s: float = 10.0) -> None:
        """End in good order: let requests end, close every version, hand in every measurement.

        To be called on the event loop, when no new request can come.
        """
        self._stopping.set()
        self._recorder.urgent.set()
        await asyncio.to_thread(self._thread.join)
        await self._copies.close()
        for fleet in self._fleets.values():
            await fleet.close(drain_s=drain_s)
        await asyncio.to_thread(self._say_goodbye)

    def status(self) -> WorkerStatus:
        """How this worker stands."""
        fleet = self._state()
        return WorkerStatus(
            ready=self._targets is not None and fleet.settled,
            problems=dict(self._problems),
            fleet=fleet,
        )

    def metrics(self) -> str:
        """The counts of all workers of this server, and what its watch says, for Prometheus."""
        told = exposition({**self._others, self._name: self._counts()}) + self._watch_says
        beside = self._beside
        if beside is not None:
            told += beside.exposition({**self._others_beside, self._name: beside.snapshot()})
        return told

    def _main(self) -> None:
        self._turn(urgent=False)
        while not self._stopping.is_set():
            urgent = self._recorder.urgent.wait(_POLL_S)
            if urgent:
                self._clock.sleep(_GATHER_S)
                self._recorder.urgent.clear()
            self._turn(urgent=urgent)

    def _turn(self, *, urgent: bool) -> None:
        now = self._clock.monotonic()
        if now >= self._flush_at or (urgent and "slices" not in self._problems):
            self._attempt("slices", self._flush)
            self._attempt("log", self._write_log)
            self._attempt("data", self._count)
            self._flush_at = now + _FLUSH_S
        self._attempt("targets", self._read)
        changed = self._attempt("versions", self._follow)
        if changed or now >= self._beat_at:
            self._attempt("beat", self._beat)
            self._beat_at = now + _BEAT_S

    def _attempt(self, what: str, step: Callable[[], bool]) -> bool:
        """Do a step; what goes wrong is kept for the status, and the next turn tries again.

        Nothing may end this thread: the loop would go on serving an old split for ever.
        """
        try:
            done = step()
        except Exception as problem:  # noqa: BLE001 - the border of a scheduled step
            if what not in self._problems:
                _log.warning(
                    "%s: %s", what, problem, exc_info=not isinstance(problem, SeatrialError)
                )
            self._problems[what] = str(problem) or repr(problem)
            return False
        if self._problems.pop(what, None) is not None:
            _log.info("%s: works again", what)
        return done

    def _flush(self) -> bool:
        self._recorder.flush(self._store)
        return True

    def _count(self) -> bool:
        if self._counting is not None:
            self._counting.turn(self._store, at_end=self._stopping.is_set())
        return True

    def _read(self) -> bool:
        self._targets = dict(self._read_targets())
        return True

    def _follow(self) -> bool:
        changed = self._targets is not None and self._turn_fleets(self._targets)
        if not self._was_ready and self.status().ready:
            self._was_ready = True
            self._on_ready()
        return changed

    def _turn_fleets(self, targets: Mapping[str, EndpointTarget]) -> bool:
        turned = [
            fleet.turn({name: target for name, target in targets.items() if target.kind == kind})
            for kind, fleet in self._fleets.items()
        ]
        return any(turned)

    def _state(self) -> FleetState:
        return reduce(or_, (fleet.state for fleet in self._fleets.values()))

    def _write_log(self) -> bool:
        if self._prediction_log is not None:
            self._prediction_log.flush()
        if self._shipper is not None:
            self._shipper.poll()
        return True

    def _beat(self) -> bool:
        state = self._state()
        # Here and not where it is shown: the event loop, which answers /metrics, reads no files.
        engines = [live.pid for live in self._router.loaded().values() if live.pid is not None]
        self._used = usage([os.getpid(), *engines])
        counts = self._counts()
        self._store.beat(
            self._name,
            {
                "pid": os.getpid(),
                "address": self._address,
                "applied": state.applied,
                "loaded": state.loaded,
                "failed": state.failed,
                "draining": state.draining,
                "engines": self._engines(),
                "requests": sum(counted.n for counted in counts.versions),
                "counts": msgspec.to_builtins(counts),
                "beside": None if self._beside is None else self._beside.snapshot(),
            },
        )
        server = self._name.rpartition("/")[0] + "/"
        beats = self._store.present(server)
        self._others = dict(map(_read_counts, beats))
        self._others_beside = {beat.name: beat.data.get("beside") for beat in beats}
        self._watch_says = "".join(
            str(beat.data.get("metrics", ""))
            for watcher in _WATCHERS
            for beat in self._store.present(watcher)
        )
        return True

    def _engines(self) -> dict[str, dict[str, dict[str, str]]]:
        """What engines elsewhere say of the versions they run, by endpoint and version."""
        said: dict[str, dict[str, dict[str, str]]] = {}
        for (endpoint, version), live in self._router.loaded().items():
            if (seen := live.seen_elsewhere) is not None:
                record = {"says": seen.says.value, "since": seen.since.isoformat()}
                said.setdefault(endpoint, {})[str(version)] = record
        return said

    def _counts(self) -> WorkerCounts:
        totals = self._recorder.totals()
        live = self._router.loaded()
        return WorkerCounts(
            versions=[
                count(*key, totals.get(key, Total()), live.get(key))
                for key in sorted(totals.keys() | live.keys())
            ],
            store_up=not self._problems.keys() & {"slices", "targets", "beat"},
            slices_unsent=self._recorder.n_unsent,
            copies_dropped=self._copies.n_dropped,
            log_dropped=self._prediction_log.n_dropped if self._prediction_log else 0,
            rows_skipped=self._counting.n_skipped if self._counting else 0,
            cpu_s=self._used.cpu_s,
            n_cpus=self._machine.n_cpus,
            rss_bytes=self._used.rss_bytes,
            memory_bytes=self._machine.memory_bytes,
        )

    def _say_goodbye(self) -> None:
        self._attempt("slices", self._flush)
        self._attempt("data", self._count)
        if self._prediction_log is not None:
            self._prediction_log.close()
        if self._shipper is not None:
            self._shipper.close()
        self._attempt("beat", self._forget)

    def _forget(self) -> bool:
        self._store.forget(self._name)
        return True


def _read_counts(beat: Beat) -> tuple[str, WorkerCounts]:
    return beat.name, msgspec.convert(beat.data.get("counts"), WorkerCounts)
