"""The program of the child process that holds a model.

It answers one call at a time on the socket it was given. Models run nowhere else.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from seatrial.adapters.child_program import run
from seatrial.kernel.errors import Invalid, SeatrialError
from seatrial.serving.failures import MORE_MEMORY, EngineFailed, EngineOutOfMemory

if TYPE_CHECKING:
    from seatrial.adapters.native.loaded import LoadedModel
    from seatrial.registry.scan import ScanReport
    from seatrial.registry.signature import Batch, Prediction, Signature
    from seatrial.serving.engine import Engine

_EXPORTERS: Final = "seatrial.adapters."


class Program:
    """The operations, and the model they share."""

    def __init__(self) -> None:
        self._report: ScanReport | None = None
        self._model: LoadedModel | None = None
        self._signature: Signature | None = None
        self._graph: Engine | None = None

    def ping(self) -> dict[str, object]:
        """Answer."""
        return {}

    def prepare(self, modules: Sequence[str]) -> dict[str, object]:
        """Import what will be needed, as far as it is installed."""
        for module in modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        return {}

    def scan(self, path: str, *, trust: bool = False, limit: int) -> dict[str, object]:
        """Say what a file is, without running it."""
        import msgspec

        from seatrial.adapters.native.keras_h5 import configuration_of
        from seatrial.adapters.picklescan import dangerous
        from seatrial.registry.scan import scan

        self._report = scan(
            Path(path),
            trust=trust,
            second_opinion=dangerous,
            configuration=configuration_of,
            limit=limit,
        )
        return cast("dict[str, object]", msgspec.to_builtins(self._report))

    def load(
        self, path: str, *, trust: bool, any_version: bool, limit: int, code: str | None = None
    ) -> dict[str, object]:
        """Scan a file and load the model in it; returns what the scan found."""
        from seatrial.adapters.native.opening import open_model

        found = self.scan(path, trust=trust, limit=limit)
        assert self._report is not None
        self._model = open_model(Path(path), self._report, any_version=any_version, code=code)
        gc.collect()
        gc.freeze()
        return found

    def describe(self) -> dict[str, object]:
        """What the model shows of itself."""
        from seatrial.packaging.model_facts import facts_to_dict

        return facts_to_dict(self._loaded().facts())

    def probe(self, signature: Mapping[str, object], batch: Batch) -> dict[str, object]:
        """``signature`` with the outputs the model has for a batch that fits its features."""
        from seatrial.adapters.native.loaded import outputs_of
        from seatrial.registry.signature import Task, n_rows
        from seatrial.registry.signature_record import signature_from_dict, signature_to_dict

        draft = signature_from_dict(signature)
        prediction = self._loaded().predict(batch, draft)
        shown = outputs_of(self._loaded(), prediction, n=n_rows(batch))
        task = draft.task
        if task is Task.OTHER:  # some models show it only by what they answer
            task = self._loaded().facts().task
        return signature_to_dict(replace(draft, outputs=shown, task=task))

    def configure(self, signature: Mapping[str, object]) -> dict[str, object]:
        """Fix the signature that ``predict`` answers to."""
        from seatrial.registry.signature_record import signature_from_dict

        self._signature = signature_from_dict(signature)
        return {}

    def predict(self, batch: Batch) -> dict[str, object]:
        """The outputs of the signature for a batch that fits it."""
        from seatrial.registry.signature import n_rows

        signature = self._signature
        if signature is None:
            raise EngineFailed("No signature is set.", remedy="Call configure first.")
        prediction = self._loaded().predict(batch, signature)
        return dict(_fitted(prediction, signature, n_rows(batch)))

    def open_graph(self, graph: bytes, signature: Mapping[str, object]) -> dict[str, object]:
        """Open an ONNX graph beside the model, as a worker would."""
        from seatrial.adapters.serving.onnxruntime import OnnxEngine
        from seatrial.registry.signature_record import signature_from_dict

        self._graph = OnnxEngine(bytes(graph), signature_from_dict(signature))
        return {}

    def run_graph(self, batch: Batch) -> dict[str, object]:
        """What the opened graph answers to a batch that fits its signature."""
        if self._graph is None:
            raise EngineFailed("No graph is open.", remedy="Call open_graph first.")
        return dict(self._graph.predict(batch))

    def call(self, function: str, kwargs: Mapping[str, object]) -> dict[str, object]:
        """Run an exporter of ours, ``module:function``, on the library's own model."""
        module, _, name = function.partition(":")
        if not module.startswith(_EXPORTERS) or name.startswith("_") or not name.isidentifier():
            raise Invalid(
                f"{function!r} is no function of {_EXPORTERS}*.",
                remedy="Name it as seatrial.adapters.<module>:<function>.",
            )
        run = cast(
            "Callable[..., dict[str, object]]", getattr(importlib.import_module(module), name)
        )
        return {name: _uncopied(v) for name, v in run(self._loaded().raw, **kwargs).items()}

    def _loaded(self) -> LoadedModel:
        if self._model is None:
            raise EngineFailed("No model is loaded.", remedy="Call load first.")
        return self._model


def _uncopied(value: object) -> object:
    """A file's bytes as the array that frames send without copies, which large models need."""
    import numpy as np

    return np.frombuffer(value, np.uint8) if isinstance(value, bytes) and value else value


def _fitted(prediction: Prediction, signature: Signature, n: int) -> Prediction:
    """The outputs the signature names, in its dtypes, one answer for each of ``n`` rows."""
    for output in signature.outputs:
        if len(prediction[output.name]) != n:
            raise EngineFailed(
                f"The model's output {output.name!r} has {len(prediction[output.name])} answers "
                f"for {n} rows.",
                remedy="Return one answer for each row, the rows in the first dimension.",
            )
    return {
        output.name: prediction[output.name].astype(output.dtype.numpy, copy=False)
        for output in signature.outputs
    }


def answer(program: Program, message: Mapping[str, object]) -> dict[str, object]:
    """The reply to one message; whatever the operation raises becomes a record."""
    return answered(_OPERATIONS, program, message)


def answered(
    operations: Mapping[str, Callable[..., dict[str, object]]],
    program: object,
    message: Mapping[str, object],
) -> dict[str, object]:
    """The reply to one message by one of some operations of a program that runs models."""
    reply: dict[str, object] = {}
    try:
        operation = operations[str(message.get("op"))]
        reply["ok"] = operation(program, **cast("dict[str, object]", message.get("args")))
    except SeatrialError as error:
        reply["error"] = error.as_dict()
    except MemoryError:
        reply["error"] = EngineOutOfMemory(
            "The model wanted more memory than its process may use.",
            remedy=f"Send fewer rows, or {MORE_MEMORY}.",
        ).as_dict()
    except (Exception, SystemExit) as error:  # noqa: BLE001  the border to the model's own code
        reply["error"] = EngineFailed(
            f"The model raised {type(error).__name__}: {' '.join(str(error).split())[:500]}",
            remedy="Test the model with the same rows.",
            raised=type(error).__name__,
        ).as_dict()
    return reply


_OPERATIONS: Final[Mapping[str, Callable[..., dict[str, object]]]] = {
    "ping": Program.ping,
    "prepare": Program.prepare,
    "scan": Program.scan,
    "load": Program.load,
    "describe": Program.describe,
    "probe": Program.probe,
    "configure": Program.configure,
    "predict": Program.predict,
    "call": Program.call,
    "open_graph": Program.open_graph,
    "run_graph": Program.run_graph,
}


def main(arguments: list[str]) -> None:
    """Serve on the socket and under the limits given as file descriptors and bytes."""
    run(arguments, partial(answer, Program()))


if __name__ == "__main__":
    main(sys.argv[1:])
