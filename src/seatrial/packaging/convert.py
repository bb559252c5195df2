"""From a model file to a file of another form, compared with the original before it is written.

What a release does on its way is done here for its own sake: the file is for another engine. A
form that gives other answers is not written; an int8 one gives other answers by its nature, so how
far they are apart is measured and said.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TypeAlias

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.examine import OpenGraph, Progress, Say
from seatrial.packaging.export import Exported, Form, arguments, export
from seatrial.packaging.label_ids import named_labels
from seatrial.packaging.measure import measure
from seatrial.packaging.parity import Parity, RowKind, compare
from seatrial.packaging.quantization import Quantized, loss_of
from seatrial.packaging.rehearsal import Rehearsal
from seatrial.packaging.session import ModelSession
from seatrial.packaging.source import Source
from seatrial.packaging.tf_serving import place, version_files
from seatrial.packaging.trial import Trial, try_out
from seatrial.packaging.wish import Converted, NoWay, Target, Wish
from seatrial.registry.saved_model_file import unpack
from seatrial.registry.signature import Batch, Prediction, Signature, take
from seatrial.serving.engine import EngineKind
from seatrial.serving.spawn import ChildLimits

SAVED_MODEL = "seatrial.adapters.export.tensorflow:saved_model"
SCRIPT = "seatrial.adapters.export.torch:script"
COMPLETE = "seatrial.adapters.export.onnx_graph:complete"
QUANTIZE = "seatrial.adapters.export.quantize_onnx:quantize"


Archive: TypeAlias = Callable[[str, Signature, bytes], bytes]
"""Wraps a graph, by the archive's name and the model's signature."""


def convert(
    wish: Wish,
    *,
    open_graph: OpenGraph,
    archive: Archive,
    say: Say,
    progress: Progress,
    limits: ChildLimits,
) -> Converted:
    """Write the model in another form.

    Args: as `assemble`, and
        archive: makes a model archive.
    Raises: NoWay, and what scanning, loading and describing raise; nothing is
        written then.
    """
    source = wish.source
    if wish.int8 and wish.to is not Target.ONNX:
        raise NoWay(
            f"int8 is made of ONNX graphs, not of {wish.to}.",
            remedy="Leave --int8 out, or give --to onnx.",
        )
    if wish.output.resolve() == source.model.resolve():
        raise NoWay(
            f"{wish.output} is the model itself.", remedy="Name another file with --output."
        )
    paths = () if wish.code is None else (Path.cwd(),)
    with ExitStack() as opened:
        session = opened.enter_context(ModelSession(limits=limits, code_paths=paths))
        progress(
            "scan", f"{source.model.name}: reading it, then loading it in a process of its own"
        )
        session.load(
            source.model, trust=source.trust, any_version=source.any_version, code=wish.code
        )
        facts = session.facts()
        say("ok", "scan", f"{facts.estimator} of {facts.framework} {facts.version}")
        signature, described = session.introduce(source.sample, label=source.label)
        for note in described.notes:
            say("note", "note", note)

        async def predict(batch: Batch) -> Prediction:
            return await asyncio.to_thread(session.predict, batch)

        progress("trial", "asking the model for the answers that its export has to give")
        trial = asyncio.run(try_out(signature, described, predict, monotonic=time.monotonic))
        if trial.labels is not None:
            trial = replace(trial, labels=named_labels(trial.labels, facts.framework, signature))
        rehearsal = opened.enter_context(Rehearsal(limits=limits))
        run = _Run(session, rehearsal, signature, trial, limits, progress)
        if wish.to is Target.TORCHSCRIPT:
            return _write(wish, _torchscript(run, facts.framework), say)
        if wish.to is Target.SAVED_MODEL:
            content = _saved_model(run, facts.framework)
            return _write(wish, _tried(run, content, "SavedModel"), say)
        if wish.to is Target.TF_SERVING:
            return _write(wish, _version(run, facts.framework, source), say)
        made = asyncio.run(_onnx(run, facts.framework))
        if wish.int8:
            made = asyncio.run(_int8(run, made, open_graph))
        if wish.to is Target.MAR:
            content = archive(wish.output.stem, made.signature, made.content)
            made = replace(made, content=content)
        return _write(wish, made, say)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the ways of converting share."""

    session: ModelSession
    rehearsal: Rehearsal
    signature: Signature
    trial: Trial
    limits: ChildLimits
    progress: Progress

    def judge(self, predict: Callable[[Batch], Prediction]) -> Parity:
        """Another form's answers against the original's; a row alone is a batch too."""
        known = self.trial.by_kind
        pairs = {kind: (one.truth, predict(one.rows)) for kind, one in known.items()}
        first = self.trial.known
        alone = predict(take(first.rows, slice(1)))
        verdict = compare(pairs)
        single = compare({RowKind.SAMPLE: ({n: v[:1] for n, v in first.truth.items()}, alone)})
        return verdict if single.passed or not verdict.passed else _mixing(single)


def _mixing(alone: Parity) -> Parity:
    """The verdict on a row alone, which is not about the form: among others it was the same."""
    off = max(difference.largest for difference in alone.differences)
    return replace(
        alone,
        reason="A row alone gets another answer than the model gives it among others (numbers "
        f"differ by up to {off:.2g}): something in it mixes rows, such as a mean over the batch.",
    )


@dataclass(frozen=True, slots=True)
class _Made:
    content: bytes
    opset: Mapping[str, int]
    signature: Signature
    parity: Parity
    quantized: Quantized | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


async def _onnx(run: _Run, framework: str) -> _Made:
    async def call(function: str, told: dict[str, object]) -> Mapping[str, object]:
        run.progress("export", f"converting to ONNX ({told['form']}); large models take minutes")
        made = await asyncio.to_thread(run.session.call, function, **told)
        if not isinstance(made["onnx"], bytes) or made.get("complete"):
            return made
        shapes = {o.name: list(o.row_shape) for o in run.signature.outputs}
        whole = await asyncio.to_thread(
            run.session.call, COMPLETE, graph=made["onnx"], shapes=shapes
        )
        return {**made, **whole}

    async def judge(graph: bytes) -> Parity:
        def ran(batch: Batch) -> Prediction:
            return run.rehearsal.run(graph, run.signature, {0: batch})[0]

        return await asyncio.to_thread(run.judge, ran)

    found: Exported = await export(framework, run.signature, call=call, judge=judge)
    if found.onnx is None or found.parity is None:
        raise _no_way(found.reason, _OF_GRAPH if framework == "onnx" else _OWN_FILE)
    return _Made(found.onnx, found.opset, run.signature, found.parity)


def _torchscript(run: _Run, framework: str) -> _Made:
    if framework != "pytorch":
        raise _no_way(f"Only PyTorch models become TorchScript, not those of {framework}.")
    told = arguments(run.signature, Form.FLOAT32)
    del told["form"]
    run.progress("export", "tracing it as TorchScript")
    made = run.session.call(SCRIPT, **told)
    content = made["torchscript"]
    if not isinstance(content, bytes):
        raise _no_way(str(made["reason"]))
    return _tried(run, content, "TorchScript")


def _version(run: _Run, framework: str, source: Source) -> _Made:
    """A SavedModel, which may be the model itself, with what a server reads beside it."""
    own = framework == "tensorflow"
    content = source.model.read_bytes() if own else _saved_model(run, framework)

    def files(session: ModelSession) -> Mapping[str, bytes]:
        run.progress("measure", "measuring what batches cost, for the server's batching")
        rows = run.trial.known.rows
        return version_files(session, content, name=source.name, signature=run.signature, rows=rows)

    return _tried(run, content, "SavedModel", files)


def _saved_model(run: _Run, framework: str) -> bytes:
    if framework != "keras":
        raise _no_way(
            f"Only Keras's own files become a SavedModel, not models of {framework}: no way there "
            "is kept that gives back the same inputs."
        )
    run.progress("export", "writing it as a SavedModel")
    made = run.session.call(SAVED_MODEL)
    content = made["saved_model"]
    if not isinstance(content, bytes):
        raise _no_way(str(made["reason"]))
    return content


def _tried(
    run: _Run,
    content: bytes,
    form: str,
    files: Callable[[ModelSession], Mapping[str, bytes]] = lambda _: {},
) -> _Made:
    """What was made, loaded in a process of its own and held against the original.

    Args: files: made with what is loaded, to lie beside it.
    """
    with TemporaryDirectory(prefix="seatrial-") as folder, ModelSession(limits=run.limits) as other:
        path = Path(folder) / "model"
        path.write_bytes(content)
        try:
            other.load(path, trust=True)  # it was made here, of a file that has been judged
            other.configure(run.signature)
            parity = run.judge(other.predict)
            beside = files(other) if parity.passed else {}
        except SeatrialError as error:
            raise _no_way(f"The {form} that was made fails: {error.problem}") from error
    if not parity.passed:
        raise _no_way(parity.reason)
    return _Made(content, {}, run.signature, parity, files=beside)


async def _int8(run: _Run, full: _Made, open_graph: OpenGraph) -> _Made:
    run.progress("int8", "making the weights integers of 8 bits")
    made = await asyncio.to_thread(run.session.call, QUANTIZE, graph=full.content)
    graph = made["onnx"]
    if not isinstance(graph, bytes):
        raise NoWay(
            str(made["reason"]), remedy="Leave --int8 out; the graph in float32 is the fast one."
        )
    known = run.trial.known
    answers = await asyncio.to_thread(run.rehearsal.run, graph, run.signature, {0: known.rows})
    run.progress("int8", "measuring both graphs")
    with ExitStack() as opened:
        both = [
            opened.enter_context(closing(open_graph(content, run.signature)))
            for content in (full.content, graph)
        ]
        costs = await measure(
            {
                EngineKind.ONNX: lambda batch, _: both[0].predict(batch),
                EngineKind.WIDE: lambda batch, _: both[1].predict(batch),
            },
            known.rows,
            monotonic=time.monotonic,
        )
    seconds = {(cost.engine, cost.n_rows): cost.seconds for cost in costs if not cost.chunk_rows}
    quantized = loss_of(
        known.truth,
        answers[0],
        labels=run.trial.labels,
        n_bytes=(len(full.content), len(graph)),
        seconds={
            n: (seconds[EngineKind.ONNX, n], seconds[EngineKind.WIDE, n])
            for kind, n in seconds
            if kind is EngineKind.ONNX
        },
    )
    return _Made(graph, full.opset, run.signature, full.parity, quantized)


def _write(wish: Wish, made: _Made, say: Say) -> Converted:
    """Put the file in place whole, or not at all."""
    opset = ", ".join(f"{domain or 'onnx'} {n}" for domain, n in sorted(made.opset.items()))
    say("ok", "export", made.parity.reason + (f" Opset: {opset}." if opset else ""))
    if made.quantized is not None:
        say("ok", "int8", made.quantized.said)
    output = _put(wish, made)
    say("ok", "file", str(output))
    return Converted(
        output=output,
        n_bytes=len(made.content),
        opset=made.opset,
        signature=made.signature,
        parity=made.parity,
        quantized=made.quantized,
    )


def _put(wish: Wish, made: _Made) -> Path:
    content = made.content
    if wish.to is Target.TF_SERVING:
        return place(content, made.files, wish.output, wish.source.name)
    scratch = wish.output.with_name(f".{wish.output.name}.{os.getpid()}")
    unpacked = scratch.with_name(f"{scratch.name}.folder")
    try:
        scratch.write_bytes(content)
        if wish.to is Target.SAVED_MODEL:
            unpack(scratch, unpacked, limit=len(content))
            unpacked.replace(wish.output)
        else:
            scratch.replace(wish.output)
        return wish.output
    except OSError as error:
        raise NoWay(
            f"{wish.output} cannot be written: {error.strerror}.",
            remedy="Name a file, or of a SavedModel a new folder, where files may be written, with "
            "--output.",
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
        rmtree(unpacked, ignore_errors=True)


_OWN_FILE = "Deploy the model's own file: it answers in its own library where it must."
_OF_GRAPH = "See that the graph answers each row by itself and always alike, and export it again."


def _no_way(reason: str, remedy: str = _OWN_FILE) -> NoWay:
    return NoWay(reason, remedy=remedy)
