"""From a loaded model to ONNX that gives the same answers, or the reason why there is none.

An exporter is a function in an adapter, run where the model is loaded; here it is named, called
for one form after the other, and judged. What counts as the same is `parity`'s business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.parity import Parity
from seatrial.registry.signature import Signature


class Form(StrEnum):
    """How numbers run through the graph; in the order they are tried, fastest first."""

    FLOAT32 = "float32"
    """Everything in float32."""
    ROUNDED = "float64_rounded"
    """Everything in float64; trees see their input rounded to float32, as scikit-learn does."""
    FLOAT64 = "float64"
    """Everything in float64, trees too."""


EXPORTERS: Mapping[str, str] = {
    "scikit-learn": "seatrial.adapters.export.sklearn:export",
    "xgboost": "seatrial.adapters.export.xgboost:export",
    "lightgbm": "seatrial.adapters.export.lightgbm:export",
    "catboost": "seatrial.adapters.export.catboost:export",
    "onnx": "seatrial.adapters.export.onnx:export",
    "pytorch": "seatrial.adapters.export.torch:export",
    "keras": "seatrial.adapters.export.tensorflow:export",
    "tensorflow": "seatrial.adapters.export.tensorflow:export",
    "huggingface": "seatrial.adapters.export.huggingface:export",
}
"""Framework to exporter, as ``module:function``. A further framework is one line here."""

Call: TypeAlias = Callable[[str, dict[str, object]], Awaitable[Mapping[str, object]]]
"""Runs ``module:function`` with the model as first argument where the model is loaded."""

Judge: TypeAlias = Callable[[bytes], Awaitable[Parity]]
"""Compares a graph with the model; raises what the engine raises when it cannot run the graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What came of the export.

    Args:
        onnx: the graph for few rows, or None.
        wide: the same model as matrix operations for many rows, or None.
        form: the form that held, or None.
        opset: operator set versions by domain.
        parity: the report of the form that held, else of the last one tried, if any ran.
        reason: one sentence: what holds, or why the native engine is needed.
    """

    onnx: bytes | None
    wide: bytes | None
    form: Form | None
    opset: Mapping[str, int]
    parity: Parity | None
    reason: str


def arguments(signature: Signature, form: Form) -> dict[str, object]:
    """What an exporter is told besides the model; plain data, so that it can cross a process."""
    tensors = signature.has_tensors
    return {
        "columns": [[f.name, f.dtype.value] for f in signature.features],
        "matrix": signature.matrix,
        "outputs": [o.name for o in signature.outputs],
        "form": form.value,
        **({"shapes": [list(f.shape) for f in signature.features]} if tensors else {}),
    }


async def export(framework: str, signature: Signature, *, call: Call, judge: Judge) -> Exported:
    """The fastest form of the model that agrees with it.

    Args:
        framework: a key of ``EXPORTERS``; another one has no export, which is no error.
        signature: of the model.
        call: reaches the loaded model.
        judge: compares a graph with the model.
    """
    exporter = EXPORTERS.get(framework)
    if exporter is None:
        return _native(f"Models of {framework} have no ONNX export.", None)
    worst: Parity | None = None
    reason = ""
    for form in Form:
        made = await call(exporter, arguments(signature, form))
        graph = made["onnx"]
        if not isinstance(graph, bytes):
            reason = reason or str(made["reason"])
            continue
        parity, problem = await _judged(judge, graph)
        if parity is not None and parity.passed:
            wide = await _wide(judge, made.get("wide"))
            return Exported(
                onnx=graph,
                wide=wide,
                form=form,
                opset=_opset(made["opset"]),
                parity=parity,
                reason=f"ONNX ({form.value}): {parity.reason}",
            )
        worst, reason = parity or worst, problem
    return _native(reason, worst)


async def _judged(judge: Judge, graph: bytes) -> tuple[Parity | None, str]:
    try:
        parity = await judge(graph)
    except SeatrialError as error:
        return None, error.problem
    return parity, parity.reason


async def _wide(judge: Judge, graph: object) -> bytes | None:
    if not isinstance(graph, bytes):
        return None
    parity, _ = await _judged(judge, graph)
    return graph if parity is not None and parity.passed else None


def _native(reason: str, parity: Parity | None) -> Exported:
    return Exported(onnx=None, wide=None, form=None, opset={}, parity=parity, reason=reason)


def _opset(value: object) -> dict[str, int]:
    return {str(k): int(v) for k, v in value.items()} if isinstance(value, Mapping) else {}
