"""Trains: one run of a recipe, or a search of many, recorded, checked, and shown to trackers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from seatrial.adapters.training.git_version import git_version
from seatrial.registry.archive import SUFFIX
from seatrial.training.runs import failures
from seatrial.training.runs.keeper import Keeper
from seatrial.training.runs.order import TrainedModel, TrainingOrder
from seatrial.training.runs.recipe import Recipe, data_digest
from seatrial.training.runs.run import Code, DataFile, Ending, Outcome, Run, Status, Value
from seatrial.wiring.evaluation.rows import digest
from seatrial.wiring.evaluation.subject import Say
from seatrial.wiring.training.check import look_at
from seatrial.wiring.training.recipe import check_label, recipe_of
from seatrial.wiring.training.recorder import Recorder
from seatrial.wiring.training.trackers import mirror
from seatrial.wiring.workspace import Workspace


def train_order(
    workspace: Workspace,
    order: TrainingOrder,
    *,
    on_step: Say = lambda _mark, _name, _text: None,
    on_progress: Callable[[str, str], None] = lambda _name, _text: None,
) -> TrainedModel:
    """Train, check and record. Blocks; not for an event loop.

    The same order again is the same run: one that has ended is returned, or raises as it did; one
    that was killed midway begins anew; one that goes on elsewhere is waited for.

    Args:
        on_step: told mark, name and text of each step that has ended.
        on_progress: told name and text of what is under way, about once a second; what it raises
            ends the training.
    Raises: UnknownRecipe, BadOrder, RunTaken, MissingExtra: nothing was begun; what came of the
        run: see `training.runs.failures`; StoreUnavailable.
    """
    recipe = recipe_of(workspace, order)
    if order.check:
        check_label(recipe)
    if recipe.search is not None:
        from seatrial.wiring.training.search import check_search

        check_search()
    store = workspace.open_store()
    try:
        with mirror(workspace, store, on_step=on_step, on_progress=on_progress) as mirrored:
            recorder = Recorder(
                store=store, mirror=mirrored, on_step=on_step, on_progress=on_progress
            )
            run = _Training(workspace, recorder, recipe).of(order)
        return _trained(run, recorder.best(run))
    finally:
        store.close()


@dataclass(frozen=True, slots=True)
class _Training:
    """One training by a recipe."""

    workspace: Workspace
    recorder: Recorder
    recipe: Recipe

    def of(self, order: TrainingOrder) -> Run:
        """The run of an order, ended well.   Raises: as `train_order`."""
        self.recorder.on_progress("data", "reading what it is trained on")
        recorder, searches = self.recorder, self.recipe.search is not None
        draft = _draft(self.workspace, order, self.recipe)
        with recorder.keeper(draft) as keeper:
            known = keeper.known()
            if known is not None and known.ending is not None:
                if self._stands(known):
                    recorder.on_step("ok", "adopted", f"run {known.id} is done already")
                    return known
                if known.status is Status.FAILED and not _resumes(known):
                    raise failures.revived(known.ending.outcome, known.ending.error)
            run = keeper.begin(resumes=searches)
            Path(run.folder).mkdir(parents=True, exist_ok=True)
            recorder.mirror.tell(run, [])
            if known is not None:
                how = "goes on" if searches else "begins anew"
                recorder.on_step("note", "resumed", f"run {run.id} was ended midway: it {how}")
            with recorder.ending(keeper, run):
                ending = self._ended(run, keeper)
                if ending.outcome is Outcome.TRAINED and order.check:
                    ending = self._checked(run, ending)
            run = recorder.close(keeper, ending)
        if ending.outcome is not Outcome.TRAINED:
            raise failures.revived(ending.outcome, ending.error)
        return run

    def _stands(self, run: Run) -> bool:
        """Whether a run ended well, and its model is where it was left."""
        if run.ending is None or run.ending.outcome is not Outcome.TRAINED:
            return False
        best = self.recorder.best(run)
        left = "" if best.ending is None else best.ending.model
        return (Path(best.folder) / "out" / left).is_file()

    def _ended(self, run: Run, keeper: Keeper) -> Ending:
        plan = self.recipe.search
        if plan is None:
            ending = self.recorder.attempt(self.recipe, run, keeper)
            if ending.outcome is Outcome.TRAINED:
                self.recorder.on_step("ok", "train", _told(ending))
            return ending
        from seatrial.wiring.training.search import Search

        search = Search(recorder=self.recorder, recipe=self.recipe, plan=plan, run=run)
        return search.go(keeper)

    def _checked(self, run: Run, ending: Ending) -> Ending:
        recipe = self.recipe
        holder = run if ending.best is None else self.recorder.run(ending.best)
        left = ending if holder.ending is None else holder.ending
        found = look_at(
            self.workspace,
            recipe,
            holder,
            ending,
            model=Path(holder.folder) / "out" / left.model,
            archive=Path(run.folder) / "out" / f"{recipe.name}{SUFFIX}",
            on_step=self.recorder.on_step,
            on_progress=self.recorder.on_progress,
        )
        if found.error is None:
            return found.ending
        return replace(
            found.ending,
            outcome=failures.outcome_of(found.error),
            error=found.error.as_dict(),
        )


def _draft(workspace: Workspace, order: TrainingOrder, recipe: Recipe) -> Run:
    files = tuple(
        DataFile(role=role, path=str(path), sha256=digest(path), n_bytes=path.stat().st_size)
        for role, path in recipe.files()
    )
    return Run(
        id=order.id,
        name=recipe.name,
        program=recipe.program,
        folder=str(workspace.runs / order.id),
        started_at=datetime.now(UTC),
        by=order.by,
        parameters=_plain(recipe.values),
        seed=recipe.seed,
        label=recipe.label,
        data=files,
        data_digest=data_digest(files),
        code=code_of(recipe),
    )


def code_of(recipe: Recipe) -> Code:
    """Which program a recipe runs: the repository around it, and its own files."""
    if recipe.function is not None:
        place = recipe.function.rpartition(":")[0]
        named = [Path(place), recipe.cwd / f"{place.replace('.', '/')}.py"]
    else:
        named = [recipe.cwd / part for part in recipe.command]
    files = [path for path in named if path.is_file()]
    found = git_version(files[0].parent if files else recipe.cwd)
    return Code(
        commit=None if found is None else found[0],
        dirty=None if found is None else found[1],
        files={str(path.resolve()): digest(path) for path in files},
    )


def _plain(values: Mapping[str, object]) -> dict[str, Value]:
    from seatrial.adapters.training.values import plain

    found: dict[str, Value] = plain(dict(values))
    return found


def _resumes(run: Run) -> bool:
    return run.ending is not None and run.ending.outcome is Outcome.INTERRUPTED


def _told(ending: Ending) -> str:
    from seatrial.kernel.duration import show_duration
    from seatrial.kernel.size import show_size

    metrics = [f"{name} {value:.4g}" for name, value in list(ending.metrics.items())[:5]]
    parts = [show_duration(ending.seconds), *metrics]
    if ending.peak_bytes:
        parts.append(f"at most {show_size(ending.peak_bytes)}")
    return ", ".join(parts)


def _trained(run: Run, best: Run) -> TrainedModel:
    assert run.ending is not None
    assert best.ending is not None
    folder = Path(best.folder)
    archives = [Path(run.folder) / "out" / a.path for a in run.ending.artefacts]
    holdout = next((f.sha256 for f in run.data if f.role == "holdout"), None)
    return TrainedModel(
        run_id=run.id,
        best_run_id=best.id,
        model_path=folder / "out" / best.ending.model,
        metrics=run.ending.metrics,
        parameters=best.parameters,
        data_digest=run.data_digest,
        holdout_digest=holdout,
        bundle_digest=run.ending.bundle,
        bundle_path=next((p for p in archives if p.name.endswith(SUFFIX)), None),
        against_constant=run.ending.against,
        log=folder / "log.txt",
    )
