"""PyTorch models in other forms; what needs PyTorch itself is in `native/torch_graphs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seatrial.adapters.export.answer import (
    Answer,
    Columns,
    by_their_exporter,
    last_cause,
    of_free_rows,
    refusal,
)
from seatrial.packaging.export import Form

if TYPE_CHECKING:
    from seatrial.adapters.native.torch_model import TorchModel


def export(
    model: TorchModel,
    *,
    columns: Columns,
    matrix: bool,
    outputs: Sequence[str],
    form: str,
    shapes: Sequence[Sequence[int]] = (),
) -> Answer:
    """The model as ONNX; see ``sklearn.export`` for the arguments.

    Args:
        model: as loaded.
        shapes: of each column's rows, where one of them is a tensor.
    """
    if Form(form) is not Form.FLOAT32:
        return refusal("A PyTorch model has one form, its own.")
    from seatrial.adapters.native import torch_graphs

    examples, names = torch_graphs.example_inputs(model, columns, shapes, matrix=matrix)
    flat = torch_graphs.flat_of(model.module, outputs)
    make = torch_graphs.traced if model.scripted else torch_graphs.exported
    return by_their_exporter(
        lambda: of_free_rows(make(flat, examples, names, outputs)),
        fails="PyTorch cannot export",
        extra="torch",
        needs="onnxscript",
    )


def script(
    model: TorchModel,
    *,
    columns: Columns,
    matrix: bool,
    outputs: Sequence[str],
    shapes: Sequence[Sequence[int]] = (),
) -> dict[str, object]:
    """The model as TorchScript: ``torchscript`` (bytes or None) and ``reason``; see `export`."""
    del outputs
    from seatrial.adapters.native import torch_graphs

    examples, _ = torch_graphs.example_inputs(model, columns, shapes, matrix=matrix)
    try:
        return {"torchscript": torch_graphs.scripted(model, examples), "reason": ""}
    except Exception as error:  # noqa: BLE001 - as above
        why = f"PyTorch cannot trace the model: {last_cause(error)}."
        return {"torchscript": None, "reason": why}
