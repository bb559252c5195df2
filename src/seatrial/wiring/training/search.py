"""A search: runs of one recipe with other hyperparameters, one after the other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.training.runs import failures
from seatrial.training.runs.facts import Description
from seatrial.training.runs.keeper import Keeper
from seatrial.training.runs.recipe import Recipe
from seatrial.training.runs.run import Ending, Outcome, Point, Run
from seatrial.training.search.searcher import End, Plan, Searcher, Tally, Trial
from seatrial.wiring.training.recorder import Recorder

_ADAPTER = "seatrial.adapters.training.search_optuna"
_IN_VAIN = 5
"""After so many trials without one that is done, a search is over: the next would fail as well."""

_ENDS = {Outcome.TRAINED: End.DONE, Outcome.PRUNED: End.PRUNED}


def check_search() -> None:
    """Raises: MissingExtra: what searches is not installed."""
    _adapter().check_installed()


def _adapter() -> Any:
    with ONE_AT_A_TIME:
        return import_module(_ADAPTER)


def open_searcher(plan: Plan, folder: Path) -> Searcher:
    """The search of a plan, as far as it has come.   Raises: MissingExtra."""
    searcher: Searcher = _adapter().open_searcher(plan, folder)
    return searcher


@dataclass(slots=True)
class Search:
    """One search.

    Args:
        recorder: of its runs.
        recipe: with the search.
        plan: of the search.
        run: of the search as a whole; each trial is a run of its own under it.
    """

    recorder: Recorder
    recipe: Recipe
    plan: Plan
    run: Run
    _last: Ending | None = field(default=None)

    def go(self, keeper: Keeper) -> Ending:
        """Bring it to its end.

        Args: keeper: of the search's own run.
        """
        began = time.monotonic()
        self._close_killed()
        searcher = open_searcher(self.plan, Path(self.run.folder))
        tally = searcher.tally()
        while len(tally.ended) < self.plan.n_trials and not self._in_vain(tally):
            seconds = time.monotonic() - began
            if keeper.lost:
                raise failures.TrainingInterrupted(
                    "Another process has taken the search over.",
                    remedy="Look at that one.",
                    run=self.run.id,
                )
            if self.plan.timeout_s is not None and seconds > self.plan.timeout_s:
                self.recorder.on_step("note", "search", "its time is over")
                break
            self._told(keeper, tally, seconds)
            self._tried(searcher, searcher.ask(), keeper)
            tally = searcher.tally()
        return self._ending(tally, time.monotonic() - began)

    def _close_killed(self) -> None:
        """Mark the trial that a killed process was at; it is proposed again, as another run."""
        for trial in self.recorder.open_runs(parent=self.run.id):
            with self.recorder.keeper(trial) as own:
                error = failures.TrainingInterrupted(
                    "The search was killed while this trial ran.",
                    remedy="Look at the trial that was tried in its place.",
                    run=trial.id,
                )
                ending = Ending(
                    outcome=Outcome.INTERRUPTED, at=datetime.now(UTC), error=error.as_dict()
                )
                self.recorder.close(own, ending)

    def _tried(self, searcher: Searcher, trial: Trial, keeper: Keeper) -> None:
        recipe = replace(self.recipe, values={**self.recipe.values, **trial.parameters})
        draft = replace(
            self.run,
            id=f"{self.run.id}.{trial.number}",
            folder=f"{self.run.folder}.{trial.number}",
            started_at=datetime.now(UTC),
            parameters={**self.run.parameters, **trial.parameters},
            parent=self.run.id,
            number=trial.number,
            ending=None,
            latest={},
            sent={},
            attempt=1,
        )

        def lead(point: Point) -> bool:
            if point.metric != self.plan.metric or point.step is None:
                return False
            return searcher.report(trial.number, point.step, point.value)

        with self.recorder.keeper(draft) as own:
            run = own.begin()
            Path(run.folder).mkdir(parents=True, exist_ok=True)
            self.recorder.mirror.tell(run, [])
            with self.recorder.ending(own, run):
                ending = self._valued(run, self.recorder.attempt(recipe, run, own, lead))
            run = self.recorder.close(own, ending)
        if not self.run.environment.python:
            own_facts = Description(
                parameters=dict(self.run.parameters), environment=run.environment
            )
            self.run = keeper.describe(own_facts)
        value = ending.metrics.get(self.plan.metric)
        searcher.tell(trial.number, _ENDS.get(ending.outcome, End.FAILED), value)
        self._last = ending
        if value is not None and ending.outcome is Outcome.TRAINED:
            keeper.report([Point(metric=self.plan.metric, value=value, at_s=0, step=trial.number)])
        self._say(trial, ending, value)

    def _valued(self, run: Run, ending: Ending) -> Ending:
        """A trial without a value of what is sought has failed."""
        if ending.outcome is not Outcome.TRAINED or self.plan.metric in ending.metrics:
            return ending
        known = ", ".join(ending.metrics) or "none"
        error = failures.NoTrial(
            f"The search is for {self.plan.metric!r}, and the training reports: {known}.",
            remedy="Report that metric, or correct search.metric of the recipe.",
            run=run.id,
            log=str(Path(run.folder) / "log.txt"),
        )
        return replace(ending, outcome=Outcome.NO_TRIAL, error=error.as_dict())

    def _say(self, trial: Trial, ending: Ending, value: float | None) -> None:
        said = ", ".join(f"{name}={_short(one)}" for name, one in trial.parameters.items())
        told = f"{self.plan.metric} {value:.6g}" if value is not None else ""
        if ending.error is not None:
            told = str(ending.error["problem"])
        elif ending.outcome is Outcome.PRUNED:
            told = f"pruned at {told}"
        mark = (
            "bad"
            if ending.error is not None
            else "note"
            if ending.outcome is Outcome.PRUNED
            else "ok"
        )
        self.recorder.on_step(mark, f"trial {trial.number}", f"{told}  ({said})")

    def _told(self, keeper: Keeper, tally: Tally, seconds: float) -> None:
        done, n = len(tally.ended), self.plan.n_trials
        best = {} if tally.value is None else {"metrics": {self.plan.metric: tally.value}}
        keeper.progress(seconds=round(seconds, 1), step=done, of=n, **best)
        self.recorder.on_progress("search", f"trial {done + 1} of {n}")

    def _in_vain(self, tally: Tally) -> bool:
        ended = list(tally.ended.values())
        return len(ended) >= _IN_VAIN and all(end is End.FAILED for end in ended)

    def _ending(self, tally: Tally, seconds: float) -> Ending:
        """The search's own: with what its best trial left."""
        at = datetime.now(UTC)
        if tally.best is None or tally.value is None:
            n = len(tally.ended)
            why = "" if self._last is None else str((self._last.error or {}).get("problem", ""))
            error = failures.NoTrial(
                f"None of {n} trials ended with a value of {self.plan.metric!r}. {why}".strip(),
                remedy="Look at the log of a trial: `seatrial runs show RUN`.",
                run=self.run.id,
                log=str(Path(self.run.folder) / "log.txt"),
            )
            return Ending(outcome=Outcome.NO_TRIAL, at=at, seconds=seconds, error=error.as_dict())
        best = f"{self.run.id}.{tally.best}"
        found = self.recorder.run(best).ending
        return Ending(
            outcome=Outcome.TRAINED,
            at=at,
            seconds=round(seconds, 3),
            metrics={self.plan.metric: tally.value} if found is None else found.metrics,
            best=best,
        )


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
