"""Optuna proposes hyperparameters; what it learned is an SQLite file in the run's folder."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seatrial.kernel.errors import MissingExtra
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.training.search.searcher import End, Plan, Pruner, Tally, Trial
from seatrial.training.search.space import Choice, Range, Real, Whole

_KILLED = "seatrial.killed"
_AGAIN = "seatrial.again"


def check_installed() -> None:
    """Raises: MissingExtra."""
    if find_spec("optuna") is None:
        raise MissingExtra("optuna", "optuna")


def open_searcher(plan: Plan, folder: Path) -> OptunaSearcher:
    """The search of a plan, as far as it has come.   Raises: MissingExtra."""
    check_installed()
    return OptunaSearcher(plan, folder / "search.db")


class OptunaSearcher:
    """`training.search.searcher.Searcher` over one study.

    Args:
        plan: of the search.
        file: of the study.
    """

    def __init__(self, plan: Plan, file: Path) -> None:
        with ONE_AT_A_TIME:
            import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._states = optuna.trial.TrialState
        self._distributions = {name: _distribution(one) for name, one in plan.space.items()}
        storage = _storage(file)
        self._study = optuna.create_study(
            storage=storage,
            study_name=plan.name,
            direction="maximize" if plan.maximize else "minimize",
            pruner=_pruner(plan),
            load_if_exists=True,
        )
        # A sampler begins at its seed again, and would propose again what it did the time before.
        seed = plan.seed + len(self._study.trials)
        self._study.sampler = optuna.samplers.TPESampler(seed=seed % 2**32)
        self._open: dict[int, Any] = {}
        self._take_up()

    def ask(self) -> Trial:
        """See Searcher."""
        trial = self._study.ask(self._distributions)
        self._open[trial.number] = trial
        return Trial(number=trial.number, parameters=dict(trial.params))

    def report(self, number: int, step: int, value: float) -> bool:
        """See Searcher."""
        trial = self._open[number]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a step that is told twice counts once
            trial.report(value, step)
        return bool(trial.should_prune())

    def tell(self, number: int, end: End, value: float | None = None) -> None:
        """See Searcher."""
        del self._open[number]
        if end is End.DONE and value is not None:
            self._study.tell(number, value)
        else:
            pruned = end is End.PRUNED
            self._study.tell(number, state=self._states.PRUNED if pruned else self._states.FAIL)

    def tally(self) -> Tally:
        """See Searcher."""
        words = {
            self._states.COMPLETE: End.DONE,
            self._states.PRUNED: End.PRUNED,
            self._states.FAIL: End.FAILED,
        }
        trials = [t for t in self._study.trials if _KILLED not in t.user_attrs]
        ended = {t.number: words[t.state] for t in trials if t.state in words}
        try:
            best = self._study.best_trial
        except ValueError:
            return Tally(ended=ended, best=None, value=None)
        return Tally(ended=ended, best=best.number, value=best.value)

    def _take_up(self) -> None:
        """What a killed process was at is marked, and proposed again."""
        from optuna.trial import Trial as Live

        for trial in self._study.get_trials(states=(self._states.RUNNING,)):
            Live(self._study, trial._trial_id).set_user_attr(_KILLED, True)  # noqa: FBT003
            self._study.tell(trial.number, state=self._states.FAIL)
            self._study.enqueue_trial(trial.params, user_attrs={_AGAIN: trial.number})


def _storage(file: Path) -> Any:
    """A database that no `kill -9` harms; only a power cut could, and then the search is repeated.

    Waiting for the disk takes longer than most steps of a training, and each is a transaction.
    """
    from optuna.storages import RDBStorage
    from sqlalchemy import event

    storage = RDBStorage(f"sqlite:///{file}")
    storage.engine.dispose()
    event.listen(storage.engine, "connect", _hasten)
    return storage


def _hasten(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


def _distribution(one: Range) -> Any:
    from optuna import distributions

    match one:
        case Whole():
            return distributions.IntDistribution(one.low, one.high, log=one.log, step=one.step)
        case Real():
            return distributions.FloatDistribution(one.low, one.high, log=one.log)
        case Choice():
            return distributions.CategoricalDistribution(one.values)


def _pruner(plan: Plan) -> Any:
    from optuna import pruners

    makers: Mapping[Pruner, Any] = {
        Pruner.MEDIAN: lambda: pruners.MedianPruner(n_warmup_steps=plan.warmup_steps),
        Pruner.HYPERBAND: lambda: pruners.HyperbandPruner(min_resource=max(1, plan.warmup_steps)),
        Pruner.NONE: pruners.NopPruner,
    }
    return makers[plan.pruner]()
