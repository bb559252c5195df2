"""From a model file to a bundle: scan, load, describe, export, compare, measure, write.

The file is opened in a child process and nowhere else; a graph is, before it is measured here. What
needs a vendor's library is either run in such a process or given as an argument.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from msgspec.structs import replace

from seatrial.kernel.size import show_size
from seatrial.monitoring.rows.served import (
    categorical_names,
    column_of,
    features_table,
    predictions_table,
)
from seatrial.monitoring.summaries.profile import LABELS, Profile, profile_of
from seatrial.monitoring.summaries.profile_record import write_profile
from seatrial.monitoring.summaries.segment_reference import segment_columns, with_segments
from seatrial.monitoring.summaries.segments import Splits
from seatrial.packaging.describe import Described
from seatrial.packaging.export import Exported, export
from seatrial.packaging.importance import importance
from seatrial.packaging.measure import Run, answered, measure
from seatrial.packaging.model_facts import ModelFacts
from seatrial.packaging.parity import Parity, compare
from seatrial.packaging.plan import plan as choose_engines
from seatrial.packaging.reference import reference_of
from seatrial.packaging.rehearsal import Rehearsal
from seatrial.packaging.requirements import model_pins, render_pins
from seatrial.packaging.sample import Sample
from seatrial.packaging.segments import check_segments, said_of, split_by
from seatrial.packaging.session import ModelSession
from seatrial.packaging.trial import ModelFails, Trial, spread, try_out
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.scan import ScanReport
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows, take
from seatrial.serving.engine import Engine, EngineKind, EnginePlan
from seatrial.serving.failures import EngineFailed
from seatrial.serving.merging import join, pieces
from seatrial.serving.spawn import ChildLimits

_N_GOLDEN = 32

Say = Callable[[str, str, str], None]
"""Told mark (``ok``, ``note``), name and text of a step that has ended."""

Progress = Callable[[str, str], None]
"""Told name and text of a step that begins and may take long."""


class OpenGraph(Protocol):
    """Loads an ONNX graph into this process."""

    def __call__(self, graph: bytes, signature: Signature) -> Engine:
        """The engine.   Raises: SeatrialError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a person gave.

    Args:
        model: the file.
        name: of the model.
        sample: rows of the data it was made for, or None.
        label: the column of the sample that it predicts, or None when nobody said.
        holdout: labelled rows it was not trained on, or None.
        trust: load the file whatever it imports.
        any_version: accept another version of the model's library.
        segments: inputs whose values are to be watched apart.
        usual_segments: the same for every model that can be split by them; not looked at where
            ``segments`` are given.
    """

    model: Path
    name: str
    sample: Sample | None
    label: str | None
    trust: bool = False
    any_version: bool = False
    holdout: Sample | None = None
    segments: tuple[str, ...] = ()
    usual_segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """What came of it.

    Args:
        bundle: written and verified.
        scan: of the file.
        facts: what the model shows of itself.
        export: what came of the export.
        plan: which engine answers.
        notes: what a person should know.
    """

    bundle: Bundle
    scan: ScanReport
    facts: ModelFacts
    export: Exported
    plan: EnginePlan
    notes: tuple[str, ...]


def assemble(
    source: Source,
    root: Path,
    *,
    open_graph: OpenGraph,
    say: Say,
    progress: Progress,
    threads: int = 1,
) -> Assembled:
    """Make the bundle of a model in ``root``.

    Args:
        root: folder of the bundles.
        open_graph: loads a graph that has run in a child already, to measure it.
        say: told of each step that has ended.
        progress: told of each step that begins.
        threads: the model's process may use, as many as in production: engines are measured.
    Raises: what scanning, loading, describing and writing raise; nothing is left behind.
    """
    limits = ChildLimits(threads=threads)
    with ModelSession(limits=limits) as session, Rehearsal(limits=limits) as rehearsal:
        progress(
            "scan", f"{source.model.name}: reading it, then loading it in a process of its own"
        )
        scan = session.load(source.model, trust=source.trust, any_version=source.any_version)
        facts = session.facts()
        say("ok", "scan", _scanned(scan, facts))
        try:
            signature, described = session.introduce(source.sample, label=source.label)
        except EngineFailed as failed:
            raise ModelFails(
                f"The model fails on the first rows it is given: {failed.problem}",
                remedy="Give rows it was trained on with --data, or train it again.",
            ) from failed
        say("ok", "signature", _signature(signature))
        check_segments(source.segments, signature, has_sample=source.sample is not None)
        found = asyncio.run(
            _examine(
                session,
                rehearsal,
                facts,
                signature=signature,
                described=described,
                open_graph=open_graph,
                say=say,
                progress=progress,
            )
        )
        profile = _profile(signature, found, source)
        splits = _splits(profile)
        reference = reference_of(
            source.holdout, source.label, signature, found.trial, session, splits=splits
        )
    notes = (*described.notes, *found.trial.notes)
    for note in notes:
        say("note", "note", note)
    if splits is not None:
        say("ok", "segments", said_of(splits))
    say("ok", "reference", reference.said)
    say("ok", "engine", found.plan.reason)
    bundle = _write(
        source,
        root,
        facts=facts,
        scan=scan,
        signature=signature,
        found=found,
        profile={} if profile is None else write_profile(profile),
        performance=reference.record,
    )
    say("ok", "bundle", f"{bundle.digest[:12]}…, {show_size(bundle.n_bytes)}")
    return Assembled(
        bundle=bundle,
        scan=scan,
        facts=facts,
        export=found.exported,
        plan=found.plan,
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What came of trying the model.

    Args:
        trial: the model's answers.
        exported: its export.
        plan: which engine answers.
        served: what that engine answers to the sample's rows: not always the model's own bits.
        importance: of features, by name.
    """

    trial: Trial
    exported: Exported
    plan: EnginePlan
    served: Prediction
    importance: Mapping[str, float]


async def _examine(
    session: ModelSession,
    rehearsal: Rehearsal,
    facts: ModelFacts,
    *,
    signature: Signature,
    described: Described,
    open_graph: OpenGraph,
    say: Say,
    progress: Progress,
) -> _Found:
    """Try the model, export it, compare, and measure every engine that gives its answers."""

    async def predict(batch: Batch, _chunk_rows: int | None = None) -> Prediction:
        return await asyncio.to_thread(session.predict, batch)

    async def call(function: str, arguments: dict[str, object]) -> Mapping[str, object]:
        progress("export", f"converting to ONNX ({arguments['form']}); large models take minutes")
        return await asyncio.to_thread(session.call, function, **arguments)

    progress("trial", "asking the model for the answers that its export has to give")
    trial = await try_out(signature, described, predict, monotonic=time.monotonic)

    rows = {kind: known.rows for kind, known in trial.by_kind.items()}

    async def judge(graph: bytes) -> Parity:
        progress("export", f"running the graph ({show_size(len(graph))}) and comparing answers")
        said = await asyncio.to_thread(rehearsal.run, graph, signature, rows)
        return compare({kind: (a.truth, said[kind]) for kind, a in trial.by_kind.items()})

    exported = await export(facts.framework, signature, call=call, judge=judge)
    say(*_exported(exported))
    progress("engine", "measuring what each engine costs")
    with ExitStack() as opened:
        engines: dict[EngineKind, Run] = {
            kind: _runner(opened.enter_context(closing(open_graph(graph, signature))))
            for kind, graph in _graphs(exported).items()
        }
        engines[EngineKind.NATIVE] = predict
        costs = await measure(engines, trial.known.rows, monotonic=time.monotonic)
        matters = await importance(
            next(iter(engines.values())), signature, trial.known.rows, monotonic=time.monotonic
        )
        plan = choose_engines(costs)
        served = await answered(engines[plan.steps[0].choice.engine], trial.known.rows)
    return _Found(trial=trial, exported=exported, plan=plan, served=served, importance=matters)


def _runner(engine: Engine) -> Run:
    """Runs an engine as a live version does, which cuts large batches itself."""

    def run(batch: Batch, chunk_rows: int | None) -> Prediction:
        return join([engine.predict(piece) for piece in pieces(batch, chunk_rows)])

    return run


def _graphs(exported: Exported) -> dict[EngineKind, bytes]:
    found = {EngineKind.ONNX: exported.onnx, EngineKind.WIDE: exported.wide}
    return {kind: graph for kind, graph in found.items() if graph is not None}


def _write(
    source: Source,
    root: Path,
    *,
    facts: ModelFacts,
    scan: ScanReport,
    signature: Signature,
    found: _Found,
    profile: Mapping[str, object],
    performance: Mapping[str, object] | None,
) -> Bundle:
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        artefacts = _artefacts(source.model, found, Path(scratch))
        pins = model_pins(
            roles=artefacts.keys(), modules=scan.imports, columns=not signature.matrix
        )
        parity = found.exported.parity
        return Bundle.create(
            root,
            Contents(
                name=source.name,
                framework=Framework(name=facts.framework, version=facts.version),
                python=platform.python_version(),
                signature=signature,
                source_sha256=scan.sha256,
                artefacts=artefacts,
                requirements=render_pins(pins),
                golden=_golden(found.trial),
                profile=profile,
                plan=found.plan.as_dict(),
                parity=parity.as_dict() if parity else None,
                trusted=source.trust or source.any_version,
                performance=performance,
            ),
        )


def _artefacts(model: Path, found: _Found, scratch: Path) -> dict[Role, Path]:
    """The file of every engine that the plan needs."""
    artefacts: dict[Role, Path] = {}
    for kind, graph in _graphs(found.exported).items():
        if kind in found.plan.engines:
            file = scratch / f"{kind.value}.onnx"
            file.write_bytes(graph)
            artefacts[Role(kind.value)] = file
    if EngineKind.NATIVE in found.plan.engines:
        artefacts[Role.NATIVE] = model
    return artefacts


def _golden(trial: Trial) -> Golden:
    known = trial.known
    at = spread(n_rows(known.rows), _N_GOLDEN)
    return Golden(
        inputs=take(known.rows, at), outputs={name: out[at] for name, out in known.truth.items()}
    )


def _profile(signature: Signature, found: _Found, source: Source) -> Profile | None:
    """What the sample looked like; nothing of rows that were made up."""
    trial = found.trial
    if not trial.from_sample:
        return None
    categorical = set(categorical_names(signature))
    labels = trial.labels
    if labels is not None and labels.dtype.kind != "f":
        categorical.add(LABELS)
    features = features_table(signature, trial.known.rows)
    answers = predictions_table(signature, found.served)
    profile = profile_of(
        features,
        predictions=answers,
        labels=None if labels is None else column_of(labels),
        categorical=categorical,
    )
    names = split_by(profile, asked=source.segments, usual=source.usual_segments)
    profile = replace(profile, importance=dict(found.importance))
    return with_segments(profile, features, answers, names)


def _splits(profile: Profile | None) -> Splits | None:
    names = () if profile is None else segment_columns(profile)
    return Splits(profile, names) if profile is not None and names else None


def _exported(exported: Exported) -> tuple[str, str, str]:
    if exported.onnx is not None:
        return "ok", "export", exported.reason
    return "note", "export", f"{exported.reason} So the original model answers, as it is (native)."


def _scanned(scan: ScanReport, facts: ModelFacts) -> str:
    known = f"{len(scan.imports)} imports, all known" if not scan.outside else "trusted by you"
    return f"{facts.estimator} of {facts.framework} {facts.version}; {known}"


def _signature(signature: Signature) -> str:
    n = len(signature.features)
    kinds = sorted({f.dtype.value for f in signature.features})
    outputs = ", ".join(o.name for o in signature.outputs)
    return f"{n} features ({', '.join(kinds)}), {signature.task.value}: {outputs}"
