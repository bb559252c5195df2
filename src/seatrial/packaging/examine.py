"""How a loaded model is tried: its answers, its export, and what each engine costs.

The model stays in its child process, and a graph has run in one before it is loaded here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Protocol

from seatrial.kernel.size import show_size
from seatrial.packaging.describe import Described
from seatrial.packaging.export import Exported, export
from seatrial.packaging.importance import importance
from seatrial.packaging.measure import Run, answered, measure
from seatrial.packaging.model_facts import ModelFacts
from seatrial.packaging.parity import Parity, compare
from seatrial.packaging.plan import plan as choose_engines
from seatrial.packaging.rehearsal import Rehearsal
from seatrial.packaging.session import ModelSession
from seatrial.packaging.trial import Trial, try_out
from seatrial.registry.signature import Batch, Prediction, Signature
from seatrial.serving.engine import Engine, EngineKind, EnginePlan
from seatrial.serving.merging import join, pieces

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
class Examined:
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


async def examine(
    session: ModelSession,
    rehearsal: Rehearsal,
    facts: ModelFacts,
    *,
    signature: Signature,
    described: Described,
    open_graph: OpenGraph,
    say: Say,
    progress: Progress,
) -> Examined:
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
            for kind, graph in graphs_of(exported).items()
        }
        engines[EngineKind.NATIVE] = predict
        costs = await measure(engines, trial.known.rows, monotonic=time.monotonic)
        matters = await importance(
            next(iter(engines.values())), signature, trial.known.rows, monotonic=time.monotonic
        )
        plan = choose_engines(costs)
        served = await answered(engines[plan.steps[0].choice.engine], trial.known.rows)
    return Examined(trial=trial, exported=exported, plan=plan, served=served, importance=matters)


def _runner(engine: Engine) -> Run:
    """Runs an engine as a live version does, which cuts large batches itself."""

    def run(batch: Batch, chunk_rows: int | None) -> Prediction:
        return join([engine.predict(piece) for piece in pieces(batch, chunk_rows)])

    return run


def graphs_of(exported: Exported) -> dict[EngineKind, bytes]:
    """The graphs that came of an export, by the engine that runs them."""
    found = {EngineKind.ONNX: exported.onnx, EngineKind.WIDE: exported.wide}
    return {kind: graph for kind, graph in found.items() if graph is not None}


def _exported(exported: Exported) -> tuple[str, str, str]:
    if exported.onnx is not None:
        return "ok", "export", exported.reason
    return "note", "export", f"{exported.reason} So the original model answers, as it is (native)."
