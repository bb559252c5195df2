"""The runs of one order, trials of a search included: begun, brought to their end and recorded."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store
from seatrial.training.runs import failures
from seatrial.training.runs.book import RunBook
from seatrial.training.runs.keeper import Keeper
from seatrial.training.runs.recipe import Recipe
from seatrial.training.runs.run import Ending, Outcome, Run
from seatrial.wiring.evaluation.subject import Say
from seatrial.wiring.training.run import Attempt, OnPoint
from seatrial.wiring.training.trackers import Mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """What all runs of one order share.

    Args: as in `trainer.train_order`; mirror: shows runs to trackers.
    """

    store: Store
    mirror: Mirror
    on_step: Say
    on_progress: Callable[[str, str], None]

    def keeper(self, draft: Run) -> Keeper:
        """Of a run of this process."""
        return Keeper(
            self.store,
            draft,
            holder=f"{os.getpid()}-{secrets.token_hex(4)}",
            clock=SystemClock(),
            on_wait=lambda: self.on_progress("wait", f"another process trains {draft.id}"),
        )

    def attempt(
        self, recipe: Recipe, run: Run, keeper: Keeper, on_point: OnPoint = lambda _: False
    ) -> Ending:
        """Run a recipe once.   Raises: what ``on_progress`` and the store raise."""
        attempt = Attempt(
            recipe=recipe,
            run=run,
            keeper=keeper,
            on_point=on_point,
            on_progress=self.on_progress,
            on_live=self.mirror.tell,
        )
        ending = attempt.go()
        if attempt.problem:
            self.on_step("note", "report", f"a line was left out: {attempt.problem}")
        return ending

    def close(self, keeper: Keeper, ending: Ending) -> Run:
        """Record how a run ended, and show it to the trackers."""
        run = keeper.end(ending)
        self.mirror.tell(run, [])
        return run

    def best(self, run: Run) -> Run:
        """Of a search the run of its best trial, else the run itself."""
        best = None if run.ending is None else run.ending.best
        return run if best is None else self.run(best)

    def run(self, run_id: str) -> Run:
        """A run as recorded.   Raises: UnknownRun."""
        return RunBook(self.store).get(run_id)

    def open_runs(self, *, parent: str) -> list[Run]:
        """Trials of a search that have not ended as far as is known."""
        runs = RunBook(self.store).all()
        return [run for run in runs if run.parent == parent and run.ending is None]

    @contextmanager
    def ending(self, keeper: Keeper, run: Run) -> Iterator[None]:
        """Whatever goes wrong around a training, its run is marked as interrupted."""
        try:
            yield
        except BaseException as problem:
            error = failures.TrainingInterrupted(
                f"The training was ended: {type(problem).__name__}: {str(problem)[:300]}",
                remedy="Train again.",
                run=run.id,
            )
            self.close(
                keeper,
                Ending(outcome=Outcome.INTERRUPTED, at=datetime.now(UTC), error=error.as_dict()),
            )
            if isinstance(problem, SeatrialError) or not isinstance(problem, Exception):
                raise
            raise error from problem
