"""A model in its child process, for code that may block: packaging and its exporters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import msgspec
import numpy as np

from seatrial.kernel.size import show_size
from seatrial.packaging.describe import Described, describe
from seatrial.packaging.model_facts import ModelFacts, facts_from_dict
from seatrial.packaging.random_rows import random_rows
from seatrial.packaging.sample import Sample
from seatrial.registry.scan import MAX_MODEL_BYTES, ScanReport
from seatrial.registry.signature import Batch, Dtype, Output, Prediction, Signature, take
from seatrial.registry.signature_record import signature_from_dict, signature_to_dict
from seatrial.serving.child import Child, start_child
from seatrial.serving.failures import MORE_MEMORY, EngineOutOfMemory, UnsupportedModel
from seatrial.serving.spawn import ChildLimits

_PROBE_ROWS = 8
_MAX_ROW_BYTES = 64 << 20
"""As much as all rows of one kind may take that a model is tried on."""


class ModelSession:
    """A child process with one model in it. A context manager; calls block.

    Args:
        limits: what the process may use.
        code_paths: folders its imports may come from, besides this process's own.
        call_s: seconds any one operation may take, > 0.
    """

    def __init__(
        self,
        *,
        limits: ChildLimits | None = None,
        code_paths: Sequence[Path] = (),
        call_s: float = 300.0,
    ) -> None:
        self._limits = limits or ChildLimits()
        self._code_paths = tuple(code_paths)
        self._call_s = call_s
        self._runner = asyncio.Runner()
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._runner.__enter__()
        try:
            started = start_child(self._limits, code_paths=self._code_paths)
            self._child = self._runner.run(started)
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._child is not None:
                self._runner.run(self._child.close())
        finally:
            self._runner.close()

    def _call(self, op: str, **arguments: object) -> dict[str, object]:
        assert self._child is not None, "enter the session first"
        try:
            return self._runner.run(
                self._child.call(op, arguments, timeout_s=self._call_s, run_s=self._call_s)
            )
        except EngineOutOfMemory as error:
            raise EngineOutOfMemory(
                error.problem,
                remedy="Train a smaller model, with fewer or shallower trees, say, or "
                f"{MORE_MEMORY}: in production its process may use "
                f"{show_size(self._limits.memory_bytes)} too.",
                **error.facts,
            ) from error

    def prepare(self, modules: Sequence[str]) -> None:
        """Import what will be needed, as far as it is installed.

        Raises: EngineCrashed and its kin: the process has ended.
        """
        self._call("prepare", modules=list(modules))

    def scan(self, path: Path, *, trust: bool = False, limit: int = MAX_MODEL_BYTES) -> ScanReport:
        """Say what a file is, without running it. Raises: see `registry.scan.scan`."""
        found = self._call("scan", path=str(path.resolve()), trust=trust, limit=limit)
        return msgspec.convert(found, ScanReport)

    def load(
        self,
        path: Path,
        *,
        trust: bool = False,
        any_version: bool = False,
        limit: int = MAX_MODEL_BYTES,
        code: str | None = None,
    ) -> ScanReport:
        """Scan a file and load the model in it.

        Args:
            path: the file.
            trust: accept imports outside the known model libraries.
            any_version: accept another minor version of scikit-learn than it was saved with.
            limit: bytes the file may hold, packed or unpacked.
            code: of a state dict of PyTorch, what makes its module, ``module:callable``.
        Raises: UnsafeModel, NotAModel, MissingLibrary, VersionMismatch, LostDefinition,
            CorruptModel, UnknownFormat, ModelTooLarge, EngineTimeout, EngineOutOfMemory,
            EngineCrashed.
        """
        found = self._call(
            "load",
            path=str(path.resolve()),
            trust=trust,
            any_version=any_version,
            limit=limit,
            code=code,
        )
        return msgspec.convert(found, ScanReport)

    def facts(self) -> ModelFacts:
        """What the loaded model shows of itself."""
        return facts_from_dict(self._call("describe"))

    def introduce(
        self, sample: Sample | None = None, *, label: str | None = None
    ) -> tuple[Signature, Described]:
        """The signature of the loaded model, tried on some rows.

        `predict` answers to this signature afterwards.

        Args:
            sample: rows of the data it was made for.
            label: the column of ``sample`` that it predicts.
        Raises: SampleMismatch, NeedsSample, UnsupportedModel when a row is too large to try,
            EngineFailed when it refuses the rows.
        """
        facts = self.facts()
        found = describe(facts, sample, label=label)
        draft = found.signature(facts.task, [Output(name="unknown", dtype=Dtype.FLOAT64)])
        _check_size(draft)
        rows = found.rows
        if rows is None:
            rows = random_rows(draft, _PROBE_ROWS, seed=0, hints=found.hints)
        answer = self._call(
            "probe", signature=signature_to_dict(draft), batch=take(rows, slice(_PROBE_ROWS))
        )
        signature = signature_from_dict(answer)
        self.configure(signature)
        return signature, found

    def configure(self, signature: Signature) -> None:
        """Fix the signature that `predict` answers to."""
        self._call("configure", signature=signature_to_dict(signature))

    def predict(self, batch: Batch) -> Prediction:
        """The model's outputs for a batch that fits the configured signature."""
        return cast("Prediction", self._call("predict", batch=batch))

    def open_graph(self, graph: bytes, signature: Signature) -> None:
        """Open an ONNX graph in the child, in place of the one before.

        Raises: EngineFailed, EngineCrashed and their kin.
        """
        self._call("open_graph", graph=graph, signature=signature_to_dict(signature))

    def run_graph(self, batch: Batch) -> Prediction:
        """What the opened graph answers to a batch that fits its signature.

        Raises: EngineFailed, EngineCrashed and their kin.
        """
        return cast("Prediction", self._call("run_graph", batch=batch))

    def call(self, function: str, **kwargs: object) -> Mapping[str, object]:
        """Run ``module:function`` of `seatrial.adapters` on the library's own model.

        Args:
            function: called with the model first; returns what `frames.pack` can send, a file as
                its bytes and no other array.
            kwargs: what `frames.pack` can send.
        """
        found = self._call("call", function=function, kwargs=kwargs)
        return {n: v.tobytes() if isinstance(v, np.ndarray) else v for n, v in found.items()}


def _check_size(signature: Signature) -> None:
    """Refuse rows so large that a few of them fill the memory.   Raises: UnsupportedModel."""
    largest = max(signature.features, key=lambda f: f.size)
    if signature.row_bytes > _MAX_ROW_BYTES:
        raise UnsupportedModel(
            f"One row of the model takes {show_size(signature.row_bytes)}: {largest.name!r} has "
            f"the shape {list(largest.shape)}.",
            remedy=f"Cut its rows into parts of at most {show_size(_MAX_ROW_BYTES)}, such as tiles "
            "of an image, and save the model for those.",
            field=largest.name,
        )
