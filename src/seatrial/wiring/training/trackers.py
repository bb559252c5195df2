"""Shows runs to the configured trackers: beside the training, and later where one was down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from seatrial.kernel.errors import MissingExtra, SeatrialError, Unavailable
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import FactLog
from seatrial.training.runs import facts as of_run
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.run import Point, Run
from seatrial.training.runs.tracker import Tracker
from seatrial.wiring.evaluation.subject import Say
from seatrial.wiring.workspace import Workspace

Open = Callable[[], Tracker]

TRACKERS: Mapping[str, str] = {
    "mlflow": "seatrial.adapters.tracking.mlflow:open_tracker",
    "wandb": "seatrial.adapters.tracking.wandb:open_tracker",
}
_EVERY_S = 2.0
_AGAIN_S = 15.0
_PATIENCE_S = 180.0
_LATE_DAYS = 7
_AT_ONCE = 100

_log = logging.getLogger(__name__)


def configured(workspace: Workspace) -> dict[str, Open]:
    """What opens each tracker that runs are to be shown to, by its name.

    Raises: MissingExtra: one that is named in the configuration is not installed.
    """
    training = workspace.settings.training
    names: Sequence[str] = training.trackers or ()
    if training.trackers is None and _installed("mlflow") and _installed("sqlalchemy"):
        names = ("mlflow",)
    for name in names:
        if not _installed(name):
            raise MissingExtra(name, name)
    opened = {
        "mlflow": lambda: _adapter("mlflow")(training.mlflow, workspace.home),
        "wandb": lambda: _adapter("wandb")(training.wandb, workspace.home),
    }
    return {name: opened[name] for name in dict.fromkeys(names)}


def _installed(name: str) -> bool:
    return find_spec(name) is not None


def _adapter(name: str) -> Callable[..., Tracker]:
    module, _, function = TRACKERS[name].partition(":")
    with ONE_AT_A_TIME:
        found: Any = getattr(import_module(module), function)
    opened: Callable[..., Tracker] = found
    return opened


@dataclass(slots=True)
class _Waiting:
    """What a tracker has not taken yet of a run."""

    run: Run
    points: list[Point] = field(default_factory=list)


class Mirror:
    """Shows runs to trackers, in a thread of its own: no training waits for one, or fails by it.

    Args:
        trackers: what opens each, by name.
        facts: where runs are, and where it is noted which tracker has one.
    """

    def __init__(self, trackers: Mapping[str, Open], facts: FactLog) -> None:
        self._open = trackers
        self._book = RunBook(facts)
        self._trackers: dict[str, Tracker] = {}
        self._waiting: dict[tuple[str, str], _Waiting] = {}
        self._again_at: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="trackers", daemon=True)
        if trackers:
            self._thread.start()

    def tell(self, run: Run, points: list[Point]) -> None:
        """A run stands like this, and has these points more; one that has ended is sent whole."""
        with self._lock:
            for name in self._open:
                waiting = self._waiting.setdefault((name, run.id), _Waiting(run=run))
                waiting.run = run
                waiting.points += points
        if run.ending is not None:
            self._wake.set()

    def left(self) -> int:
        """Runs that a tracker has not taken yet."""
        with self._lock:
            return len(self._waiting)

    def close(self, *, on_wait: Callable[[], None]) -> Mapping[str, str]:
        """Send what is left, for a while; what a tracker that did not take it said, by its name.

        Args: on_wait: told now and then; may raise.
        """
        self._closing = True
        self._wake.set()
        give_up = time.monotonic() + _PATIENCE_S
        while self._thread.is_alive() and time.monotonic() < give_up:
            self._thread.join(0.2)
            on_wait()
        return {
            name: self._problems.get(name, "it takes its time")
            for name in {name for name, _ in self._waiting}
        }

    def _work(self) -> None:
        while True:
            closing = self._closing
            for name in self._open:
                if closing or time.monotonic() >= self._again_at.get(name, 0.0):
                    self._send(name)
            if closing:
                break
            self._wake.wait(_EVERY_S)
            self._wake.clear()
        for tracker in self._trackers.values():
            tracker.close()

    def _send(self, name: str) -> None:
        """All that waits for a tracker, until it refuses."""
        for key in [key for key in list(self._waiting) if key[0] == name]:
            with self._lock:
                waiting = self._waiting.pop(key)
            problem = self._keep(name, waiting)
            if not problem:
                self._note(name, waiting.run, "")
                continue
            if waiting.run.ending is not None:
                self._note(name, waiting.run, problem)
            self._problems[name] = problem
            self._again_at[name] = time.monotonic() + _AGAIN_S
            with self._lock:
                newer = self._waiting.setdefault(key, waiting)
                newer.points = []  # what is missed meanwhile is sent when the run has ended
            return

    def _keep(self, name: str, waiting: _Waiting) -> str:
        """Why a tracker did not take a run; "" when it did."""
        try:
            over = waiting.run.ending is not None
            points = self._book.points(waiting.run.id) if over else waiting.points
            self._opened(name).keep(waiting.run, points)
        except SeatrialError as problem:
            return problem.problem
        except Exception as problem:  # noqa: BLE001 - the border to a vendor's client
            _log.warning("the tracker %s failed", name, exc_info=True)
            return f"{type(problem).__name__}: {str(problem)[:300]}"
        return ""

    def _opened(self, name: str) -> Tracker:
        if name not in self._trackers:
            self._trackers[name] = self._open[name]()
        return self._trackers[name]

    def _note(self, name: str, run: Run, problem: str) -> None:
        if run.ending is None or run.sent.get(name) == problem:
            return
        try:
            self._book.append(run.id, [of_run.sent(name, problem)])
        except SeatrialError as lost:
            _log.warning("it is not noted that %s has the run %s: %s", name, run.id, lost)


@contextmanager
def mirror(
    workspace: Workspace,
    facts: FactLog,
    *,
    on_step: Say,
    on_progress: Callable[[str, str], None],
) -> Iterator[Mirror]:
    """A mirror for as long as a training lasts; at its end, what was left of others is sent too.

    Raises: MissingExtra.
    """
    trackers = configured(workspace)
    mirrored = Mirror(trackers, facts)
    try:
        yield mirrored
    finally:
        names = ", ".join(trackers)
        since = datetime.now(UTC) - timedelta(days=_LATE_DAYS)
        with suppress(Unavailable):  # of the store: whoever trained has met it
            for run in unsent(facts, tuple(trackers), since=since)[:_AT_ONCE]:
                mirrored.tell(run, [])
        waiting = partial(on_progress, "trackers", f"sending what is left to {names}")
        for name, problem in mirrored.close(on_wait=waiting).items():
            on_step(
                "note", name, f"has not all runs yet: {problem}; `seatrial runs sync` sends them"
            )


def unsent(
    facts: FactLog, trackers: tuple[str, ...], *, since: datetime | None = None
) -> list[Run]:
    """Runs that have ended, and that a tracker lacks; the oldest first."""
    return [
        run
        for run in reversed(RunBook(facts).all())
        if run.ending is not None
        and (since is None or run.started_at >= since)
        and any(run.sent.get(name) != "" for name in trackers)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What came of sending runs to a tracker.

    Args:
        n: runs that it has now and had not.
        problem: why it has not all of them; "" when it has.
    """

    n: int
    problem: str


def sync_all(workspace: Workspace, *, on_progress: Callable[[str, str], None]) -> dict[str, Synced]:
    """Send to each tracker the runs it lacks, however old; what came of it, by its name.

    Raises: MissingExtra, StoreUnavailable.
    """
    trackers = configured(workspace)
    store = workspace.open_store()
    try:
        return {
            name: _synced(store, name, opened, on_progress) for name, opened in trackers.items()
        }
    finally:
        store.close()


def _synced(
    store: FactLog, name: str, opened: Open, on_progress: Callable[[str, str], None]
) -> Synced:
    missing = unsent(store, (name,))
    mirrored = Mirror({name: opened}, store)
    for run in missing:
        mirrored.tell(run, [])
    problems = mirrored.close(on_wait=lambda: on_progress("sync", f"{mirrored.left():,} runs left"))
    left = len(unsent(store, (name,)))
    return Synced(n=len(missing) - left, problem=problems.get(name, ""))
