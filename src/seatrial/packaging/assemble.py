"""From a model file to a bundle: scan, load, describe, export, compare, measure, write.

The file is opened in a child process and nowhere else. What needs a vendor's library is either run
in that process or given as an argument.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

import numpy as np

from seatrial.packaging.describe import Described
from seatrial.packaging.export import Exported, export
from seatrial.packaging.model_facts import ModelFacts
from seatrial.packaging.parity import Parity, RowKind, compare
from seatrial.packaging.measure import Run, measure
from seatrial.packaging.plan import plan as plan_for
from seatrial.packaging.profile import profile
from seatrial.packaging.random_rows import random_rows
from seatrial.packaging.requirements import model_pins, render_pins
from seatrial.packaging.rows import MAX_HALVINGS, edge_rows
from seatrial.packaging.sample import Sample
from seatrial.packaging.session import ModelSession
from seatrial.registry.bundle import Bundle, Contents
from seatrial.registry.golden import Golden
from seatrial.registry.manifest import Framework, Role
from seatrial.registry.scan import ScanReport
from seatrial.registry.signature import Batch, Prediction, Signature, concatenate, n_rows, take
from seatrial.serving.engine import Engine, EngineKind, EnginePlan
from seatrial.serving.merging import join, pieces

_N_GOLDEN = 32
_N_TRIED = 2_000
_MAX_KNOWN = 10_000
_MAX_EDGES = 256
_PATIENCE_S = 4.0
"""How long the original model may take for the rows of one comparison."""

_SEED = 0

Say = Callable[[str, str], None]
"""Told the name of a step that has ended, and what came of it."""


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
        trust: load the file whatever it imports.
        any_version: accept another version of the model's library.
    """

    model: Path
    name: str
    sample: Sample | None
    label: str | None
    trust: bool = False
    any_version: bool = False


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


def assemble(source: Source, root: Path, *, open_graph: OpenGraph, say: Say) -> Assembled:
    """Make the bundle of a model in ``root``.

    Args:
        root: folder of the bundles.
        open_graph: loads an exported graph.
        say: told of each step.
    Raises: what scanning, loading, describing and writing raise; nothing is left behind.
    """
    with ModelSession() as session:
        scan = session.load(source.model, trust=source.trust, any_version=source.any_version)
        facts = session.facts()
        say("scan", _scanned(scan, facts))
        signature, described = session.introduce(source.sample, label=source.label)
        say("signature", _signature(signature))
        for note in described.notes:
            say("note", note)
        rows = _rows(session, signature, described)
        exported = _exported(session, facts, signature, rows, open_graph)
        say("export", exported.reason)
        graphs = _graphs(exported)
        engines = {k: open_graph(g, signature) for k, g in graphs.items()}
        costs = asyncio.run(measure(_runners(session, engines), rows.tried, monotonic=monotonic))
        plan = plan_for(costs)
        say("engine", plan.reason)
        golden_rows = take(rows.known, _spread(n_rows(rows.known), _N_GOLDEN))
        golden = Golden(inputs=golden_rows, outputs=session.predict(golden_rows))
        reference = profile(signature, rows.known, session.predict(rows.known), described.labels)
    bundle = _write(
        source,
        root,
        facts=facts,
        scan=scan,
        signature=signature,
        golden=golden,
        reference=reference,
        plan=plan,
        exported=exported,
    )
    say("bundle", f"{bundle.digest[:12]}…, {_size(bundle)}")
    return Assembled(
        bundle=bundle,
        scan=scan,
        facts=facts,
        export=exported,
        plan=plan,
        notes=described.notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Rows to try a model with.

    Args:
        known: of the sample, or made up where there is none.
        tried: ``known`` and made up ones together.
        random: made up.
        n_edges: how many edges of the model to look for; fewer for a slow one.
    """

    known: Batch
    random: Batch
    tried: Batch
    n_edges: int


def _rows(session: ModelSession, signature: Signature, described: Described) -> _Rows:
    """As many rows as the model predicts in a few seconds, up to a bound."""
    made_up = random_rows(signature, _N_TRIED, seed=_SEED, hints=described.hints)
    row_s = _seconds_per_row(session, take(made_up, slice(_N_GOLDEN)))
    most = max(_N_GOLDEN, int(_PATIENCE_S / row_s))
    made_up = take(made_up, slice(most))
    known = made_up if described.rows is None else described.rows
    known = take(known, _spread(n_rows(known), min(_MAX_KNOWN, most)))
    return _Rows(
        known=known,
        random=made_up,
        tried=concatenate([known, made_up]),
        n_edges=max(1, min(_MAX_EDGES, int(_PATIENCE_S / (MAX_HALVINGS * row_s)))),
    )


def _seconds_per_row(session: ModelSession, rows: Batch) -> float:
    begun = monotonic()
    session.predict(rows)
    return (monotonic() - begun) / n_rows(rows)


def _exported(
    session: ModelSession,
    facts: ModelFacts,
    signature: Signature,
    rows: _Rows,
    open_graph: OpenGraph,
) -> Exported:
    """The export, judged on the sample, on made up rows and on both sides of the model's edges."""

    async def predict(batch: Batch) -> Prediction:
        return await asyncio.to_thread(session.predict, batch)

    async def call(function: str, arguments: dict[str, object]) -> Mapping[str, object]:
        return await asyncio.to_thread(session.call, function, **arguments)

    async def run() -> Exported:
        tried = {RowKind.SAMPLE: rows.known, RowKind.RANDOM: rows.random}
        edges = await edge_rows(signature, rows.tried, predict, n=rows.n_edges, seed=_SEED)
        if edges is not None:
            tried[RowKind.EDGE] = edges
        truth = {kind: await predict(batch) for kind, batch in tried.items()}

        async def judge(graph: bytes) -> Parity:
            engine = open_graph(graph, signature)
            try:
                return compare({kind: (truth[kind], engine.predict(tried[kind])) for kind in tried})
            finally:
                engine.close()

        return await export(facts.framework, signature, call=call, judge=judge)

    return asyncio.run(run())


def _graphs(exported: Exported) -> dict[EngineKind, bytes]:
    found = {EngineKind.ONNX: exported.onnx, EngineKind.WIDE: exported.wide}
    return {kind: graph for kind, graph in found.items() if graph is not None}


def _runners(session: ModelSession, engines: Mapping[EngineKind, Engine]) -> dict[EngineKind, Run]:
    """How each engine is run when it is measured; the native one with the trip to its process."""

    async def native(batch: Batch, _chunk_rows: int | None) -> Prediction:
        return await asyncio.to_thread(session.predict, batch)

    runs: dict[EngineKind, Run] = {kind: _run(engine) for kind, engine in engines.items()}
    return runs | {EngineKind.NATIVE: native}


def _run(engine: Engine) -> Run:
    def run(batch: Batch, chunk_rows: int | None) -> Prediction:
        if chunk_rows is None:
            return engine.predict(batch)
        return join([engine.predict(piece) for piece in pieces(batch, chunk_rows)])

    return run


def _write(
    source: Source,
    root: Path,
    *,
    facts: ModelFacts,
    scan: ScanReport,
    signature: Signature,
    golden: Golden,
    reference: Mapping[str, object],
    plan: EnginePlan,
    exported: Exported,
) -> Bundle:
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        artefacts: dict[Role, Path] = {}
        for kind, graph in _graphs(exported).items():
            if kind in plan.engines:
                file = Path(scratch) / f"{kind.value}.onnx"
                file.write_bytes(graph)
                artefacts[Role(kind.value)] = file
        if EngineKind.NATIVE in plan.engines:
            artefacts[Role.NATIVE] = source.model
        pins = model_pins(
            roles=artefacts.keys(),
            modules=scan.imports,
            columns=not signature.matrix,
        )
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
                golden=golden,
                profile=reference,
                plan=plan.as_dict(),
                parity=exported.parity.as_dict() if exported.parity else None,
                trusted=source.trust or source.any_version,
            ),
        )


def _spread(n: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Up to ``most`` of ``n`` positions, evenly spread, always the same ones."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))


def _scanned(scan: ScanReport, facts: ModelFacts) -> str:
    known = f"{len(scan.imports)} imports, all known" if not scan.outside else "trusted by you"
    return f"{facts.estimator} of {facts.framework} {facts.version}; {known}"


def _signature(signature: Signature) -> str:
    n = len(signature.features)
    kinds = sorted({f.dtype.value for f in signature.features})
    outputs = ", ".join(o.name for o in signature.outputs)
    return f"{n} features ({', '.join(kinds)}), {signature.task.value}: {outputs}"


def _size(bundle: Bundle) -> str:
    size = sum(file.size for file in bundle.manifest.files)
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
