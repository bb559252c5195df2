"""Looks at a trained model: packages it as it would be served, and holds it against a constant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import isawaitable
from pathlib import Path

import numpy as np

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.monitoring.rows.served import column_of
from seatrial.packaging.accepted_rows import accepted_rows
from seatrial.packaging.assemble import assemble
from seatrial.packaging.sample import Sample
from seatrial.packaging.source import Source
from seatrial.packaging.trial import AnswersNotFinite
from seatrial.registry.archive import pack
from seatrial.registry.bundle import Bundle
from seatrial.registry.signature import take
from seatrial.registry.signature_record import signature_to_dict
from seatrial.serving.exchange import BadOutput
from seatrial.serving.failures import EngineFailed, EngineKilled
from seatrial.training.evaluation.alone import Alone, alone
from seatrial.training.evaluation.answers import Answers, Holdout, NotComparable
from seatrial.training.runs import failures
from seatrial.training.runs.recipe import Recipe
from seatrial.training.runs.run import Against, Artefact, Ending, Run
from seatrial.wiring.deploying.versions import open_version
from seatrial.wiring.evaluation.answers import Asked, answers_of
from seatrial.wiring.evaluation.rows import digest, label_of, read, source
from seatrial.wiring.evaluation.subject import Say
from seatrial.wiring.workspace import Workspace

HOLDOUT = "holdout."
"""Begins the metrics that were measured on the holdout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found of a model.

    Args:
        ending: of the run, with it.
        error: why the model is not to be used, or None.
    """

    ending: Ending
    error: SeatrialError | None


def look_at(
    workspace: Workspace,
    recipe: Recipe,
    run: Run,
    ending: Ending,
    *,
    model: Path,
    archive: Path,
    on_step: Say,
    on_progress: Callable[[str, str], None],
) -> Looked:
    """Package the model of an ending, ask it for the rows of the holdout, compare.

    Args:
        run: that made the model.
        model: its file.
        archive: where its bundle is packed to, if it is worth anything: what is deployed later is
            then the very bundle that was looked at here.
    """
    facts = {"run": run.id, "log": str(Path(run.folder) / "log.txt")}
    try:
        holdout = None if recipe.holdout is None else read(recipe.holdout)
        bundle = _packaged(
            workspace, recipe, model, holdout, on_step=on_step, on_progress=on_progress
        )
        ending = replace(
            ending,
            bundle=bundle.digest,
            signature=signature_to_dict(bundle.signature),
        )
        if holdout is None:
            on_step("note", "constant", "no holdout: whether it is worth anything is not measured")
            return Looked(ending=_with_archive(ending, bundle, archive), error=None)
        found = _measured(workspace, recipe, bundle, holdout, on_progress)
    except NotComparable as odd:
        on_step("note", "constant", f"not measured: {odd.problem}")
        return Looked(ending=_with_archive(ending, bundle, archive), error=None)
    except SeatrialError as unfit:
        return Looked(ending=ending, error=_error_of(unfit, model, facts))
    measured = {f"{HOLDOUT}{name}": value for name, value in found.metrics.items()}
    ending = replace(ending, metrics={**ending.metrics, **measured}, against=found.against)
    if found.against is Against.WORSE:
        error = failures.WorseThanConstant(
            f"The trained model is worse than answering every row alike: {found.reason}",
            remedy="Look at its data and labels; nothing of it was registered.",
            **facts,
        )
        return Looked(ending=ending, error=error)
    mark = "ok" if found.against is Against.BETTER else "note"
    on_step(mark, "constant", f"{found.against.value.replace('_', ' ')}: {found.reason}")
    return Looked(ending=_with_archive(ending, bundle, archive), error=None)


def _error_of(unfit: SeatrialError, model: Path, facts: dict[str, str]) -> SeatrialError:
    """What kept the model from being looked at, as the end of its training."""
    if isinstance(unfit, failures.NotFinite | AnswersNotFinite):
        return failures.NotFinite(unfit.problem, remedy=unfit.remedy, **facts)
    if isinstance(unfit, EngineKilled):
        return failures.TrainingInterrupted(
            f"The trained model was being looked at: {unfit.problem}",
            remedy="Train again; where memory ran out the system may have ended it.",
            **facts,
        )
    return failures.ModelUnusable(
        f"The trained model {model.name} is not usable: {unfit.problem}",
        remedy=unfit.remedy,
        cause=unfit.code,
        **facts,
    )


def _with_archive(ending: Ending, bundle: Bundle, archive: Path) -> Ending:
    archive.parent.mkdir(parents=True, exist_ok=True)
    pack(bundle, archive)
    artefact = Artefact(path=archive.name, n_bytes=archive.stat().st_size, sha256=digest(archive))
    return replace(ending, artefacts=(*ending.artefacts, artefact))


def _packaged(
    workspace: Workspace,
    recipe: Recipe,
    model: Path,
    holdout: Sample | None,
    *,
    on_step: Say,
    on_progress: Callable[[str, str], None],
) -> Bundle:
    with ONE_AT_A_TIME:  # trackers load theirs in another thread
        from seatrial.adapters.serving.onnxruntime import OnnxEngine
        from seatrial.adapters.tables.sample_file import read_sample

    sample = None if recipe.data is None else _rows(read_sample, recipe.data, on_step)
    return assemble(
        Source(
            model=model,
            name=recipe.name,
            sample=sample,
            label=recipe.label if sample is not None else None,
            trust=recipe.trust,
            holdout=holdout,
            usual_segments=workspace.settings.monitoring.segments,
        ),
        workspace.bundles,
        open_graph=OnnxEngine,
        limits=workspace.settings.server.child_limits(),
        say=on_step,
        progress=on_progress,
    ).bundle


def _rows(read_sample: Callable[[Path], Sample], data: Path, on_step: Say) -> Sample | None:
    """Rows of the training; what trains on other files than tables goes without."""
    try:
        return read_sample(data)
    except SeatrialError as odd:
        on_step("note", "sample", f"{data.name} is no table of rows: {odd.problem}")
        return None


def _measured(
    workspace: Workspace,
    recipe: Recipe,
    bundle: Bundle,
    rows: Sample,
    on_progress: Callable[[str, str], None],
) -> Alone:
    label = label_of(rows, recipe.label)
    on_progress("constant", "asking the model for the rows of the holdout")
    rules = workspace.settings.evaluation.rules()
    answers, why = asyncio.run(_answers(workspace, recipe.name, bundle, rows, label))
    share = 1 - float(np.mean(answers.answered))
    if share > rules.max_unanswered_share:
        _refuse(share, why)
    holdout = Holdout(
        label=label,
        labels=column_of(rows.columns[label]),
        values=rows.columns[label],
        columns={},
        source=source(recipe.holdout),
    )
    return alone(holdout, answers, rules)


async def _answers(
    workspace: Workspace, name: str, bundle: Bundle, rows: Sample, label: str
) -> tuple[Answers, SeatrialError | None]:
    """What the model answers, and what it says of a row that it does not."""
    limits = workspace.settings.server.child_limits()
    batch, accepted = accepted_rows(bundle.signature, rows, label=label)
    live = open_version(bundle, endpoint=name, version=1, limits=limits)
    try:
        await live.start()
        asked = Asked(live=live, batch=batch, accepted=accepted)
        answers = await answers_of(asked, lambda _done, _n: None)
        failing = np.flatnonzero(accepted & ~answers.answered)
        if not len(failing):
            return answers, None
        try:
            answer = live.predict(take(batch, failing[:1]))
            if isawaitable(answer):
                await answer
        except (BadOutput, EngineFailed) as problem:
            return answers, problem
        return answers, None
    finally:
        await live.close()


def _refuse(share: float, why: SeatrialError | None) -> None:
    said = "its signature does not take them." if why is None else why.problem
    text = f"{share:.1%} of the rows of the holdout get no answer: {said}"
    if isinstance(why, BadOutput):
        raise failures.NotFinite(
            text, remedy="Look at the weights for values that are NaN or infinite, and train again."
        )
    raise failures.ModelUnusable(text, remedy="Give a holdout with the columns of the training.")
