"""Keeps one run in the store while it goes on: the right to run it, its points, its ending.

A store that does not answer for a while loses nothing: points wait, and the ending is written to a
file of the run's folder before it is appended, from where the next attempt takes it.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import Unavailable
from seatrial.kernel.events import Draft
from seatrial.kernel.store import Lease, Store
from seatrial.training.runs import facts as of_run
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.facts import Description
from seatrial.training.runs.failures import RunTaken
from seatrial.training.runs.run import Ending, Point, Run

LEASE_S = 15.0
"""So long after its process was killed a run can be taken over."""

_BEAT_S = 1.0
_WAIT_S = 0.5
_FLUSH_S = 1.0
_LONGEST_FLUSH_S = 60.0
_SLOWER = 0.05
"""Points are appended at the latest when this share of the run's time has passed again."""

_FACT_POINTS = 5_000
MAX_POINTS = 100_000
"""Points kept of one run; of more, the last of each metric at each append."""

_PATIENCE_S = 30.0


def name_of(run_id: str) -> str:
    """Of the lease of a run, and of its beats."""
    return f"{of_run.PREFIX}{run_id}"


class Keeper:
    """Holds a run, as a context manager.

    Args:
        store: stays the caller's.
        run: as it would begin.
        holder: unique for this process start.
        clock: where time comes from.
        on_wait: told about once a second while another process has the run; may raise.
    """

    def __init__(
        self,
        store: Store,
        run: Run,
        *,
        holder: str,
        clock: Clock,
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._draft = run
        self._holder = holder
        self._clock = clock
        self._on_wait = on_wait
        self._book = RunBook(store)
        self._lease: Lease | None = None
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._progress: dict[str, object] = {}
        self._beating = threading.Thread(target=self._beat, name="run", daemon=True)
        self._waiting: list[Point] = []
        self._n_kept = 0
        self._flushed = self._began = clock.monotonic()

    def __enter__(self) -> Self:
        """Wait until nobody else has the run.   Raises: what ``on_wait`` and the store raise."""
        while not self._take():
            self._on_wait()
            self._clock.sleep(_WAIT_S)
        # Before anybody can see the run: one that nobody is heard of counts as interrupted.
        self._store.beat(name_of(self._draft.id), self._progress)
        self._beating.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stop.set()
        self._beating.join()
        with suppress(Unavailable):  # it expires by itself
            self._store.forget(name_of(self._draft.id))
            if self._lease is not None:
                self._store.release(self._lease)

    @property
    def lost(self) -> bool:
        """Whether another process has taken the run over meanwhile."""
        return self._lost.is_set()

    def known(self) -> Run | None:
        """The run as recorded, with an ending that its last attempt could not append.

        Raises: RunTaken: the id belongs to another training.
        """
        run = self._book.find(self._draft.id)
        if run is None:
            return None
        if (run.name, run.program) != (self._draft.name, self._draft.program):
            raise RunTaken(
                f"The run {run.id!r} is one of {run.program!r}, not of {self._draft.program!r}.",
                remedy="Give the training another id.",
                run=run.id,
            )
        left = _left(Path(run.folder), run.attempt) if run.ending is None else None
        return self._book.append(run.id, [of_run.ended(left)]) if left is not None else run

    def begin(self, *, resumes: bool = False) -> Run:
        """The run, begun or begun anew.

        Args: resumes: it goes on where it was instead of anew.
        """
        draft = self._draft

        def decide(known: Run | None) -> list[Draft]:
            if known is None:
                return [of_run.started(draft)]
            return [of_run.restarted(known, resumes=resumes)]

        run = self._book.change(draft.id, decide)
        self._began = self._clock.monotonic()
        return run

    def describe(self, description: Description) -> Run:
        """Hyperparameters and environment, once they are known."""
        return self._book.append(self._draft.id, [of_run.described(description)])

    def report(self, points: list[Point]) -> None:
        """Some more points; they are appended when it is time."""
        self._waiting += points

    def progress(self, **said: object) -> None:
        """What beats tell of it, and points that are due."""
        self._progress = said
        now = self._clock.monotonic()
        due = max(_FLUSH_S, min(_LONGEST_FLUSH_S, _SLOWER * (now - self._began)))
        if self._waiting and not self.lost and now - self._flushed >= due:
            with suppress(Unavailable):  # they wait
                self._flush()

    def end(self, ending: Ending) -> Run:
        """Append what is left, and the ending; nothing where another process has the run by now.

        Raises: StoreUnavailable: it was away for half a minute.
        """
        if self.lost:
            return self._book.get(self._draft.id)  # it is another's to tell of
        folder = Path(self._draft.folder)
        run = self._book.find(self._draft.id) or self._draft
        ending = replace(ending, metrics={**run.latest, **_finite(self._waiting), **ending.metrics})
        _leave(folder, run.attempt, ending)
        give_up = self._clock.monotonic() + _PATIENCE_S
        while True:
            try:
                self._flush()
                return self._book.append(self._draft.id, [of_run.ended(ending)])
            except Unavailable:
                if self._clock.monotonic() > give_up:
                    raise
                self._clock.sleep(_WAIT_S)

    def _take(self) -> bool:
        name = name_of(self._draft.id)
        self._lease = self._store.acquire(name, self._holder, ttl_s=LEASE_S)
        return self._lease is not None

    def _beat(self) -> None:
        """Renew the lease, in a thread of its own: the training's caller may be slow.

        A store that is away does not end a training: who comes meanwhile cannot take it either.
        """
        last = time.monotonic()
        while not self._stop.wait(_BEAT_S):
            now = time.monotonic()
            with suppress(Unavailable):
                self._store.beat(name_of(self._draft.id), self._progress)
                if now - last >= LEASE_S / 4:
                    last = now
                    if not self._take():
                        self._lost.set()
                        return

    def _flush(self) -> None:
        points, n_left_out = self._waiting, 0
        if self._n_kept + len(points) > MAX_POINTS:
            kept = list({point.metric: point for point in points}.values())
            points, n_left_out = kept, len(points) - len(kept)
        drafts = [
            of_run.reported(points[at : at + _FACT_POINTS], n_left_out=n_left_out if not at else 0)
            for at in range(0, len(points), _FACT_POINTS)
        ]
        if drafts:
            self._book.append(self._draft.id, drafts)
        self._n_kept += len(points)
        self._waiting = []
        self._flushed = self._clock.monotonic()


def _finite(points: list[Point]) -> Mapping[str, float]:
    return {p.metric: p.value for p in points if math.isfinite(p.value)}


def _leave(folder: Path, attempt: int, ending: Ending) -> None:
    """Where there is no room for it, the store alone has it."""
    draft = folder / "ending.new"
    said = json.dumps({"attempt": attempt, "ending": msgspec.to_builtins(ending)})
    with suppress(OSError):
        folder.mkdir(
            parents=True, exist_ok=True
        )  # killed at the very first moment, it is not there
        draft.write_text(said, encoding="utf-8")
        draft.replace(folder / "ending.json")


def _left(folder: Path, attempt: int) -> Ending | None:
    """The ending that an attempt left and could not append."""
    try:
        said = json.loads((folder / "ending.json").read_text("utf-8"))
        return msgspec.convert(said["ending"], Ending) if said["attempt"] == attempt else None
    except (OSError, ValueError, KeyError, TypeError, msgspec.ValidationError):
        return None
