"""What becomes of a PyTorch module in other forms: a graph of ONNX, or TorchScript.

The batch is free and every other size fixed. Both ONNX exporters are PyTorch's own; which is used
follows from what the model came as, since torch.export cannot read TorchScript.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import onnx

from seatrial.adapters.export.answer import Columns
from seatrial.adapters.native.torch_model import TorchModel, named_outputs

OPSET: Final = 18
"""The operator set asked for: PyTorch's exporters write it without a conversion."""

_BATCH: Final = "batch"
_INPUT: Final = "input"


def flat_of(module: Any, outputs: Sequence[str]) -> Any:
    """The module with its outputs as a tuple, in the signature's order."""
    import torch

    class Flat(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            found = named_outputs(self.module(*tensors))
            return tuple(found[name] for name in outputs)

    return Flat()


def example_inputs(
    model: TorchModel, columns: Columns, shapes: Sequence[Sequence[int]], *, matrix: bool
) -> tuple[tuple[Any, ...], list[str]]:
    """Two rows for each argument of the model, and the names the graph gives them."""
    import torch

    if matrix or (len(model.arguments) == 1 and not shapes):
        return (torch.zeros(2, len(columns), dtype=getattr(torch, columns[0][1])),), [_INPUT]
    found = tuple(
        torch.zeros(2, *shape, dtype=getattr(torch, dtype))
        for (_, dtype), shape in zip(columns, shapes or [()] * len(columns), strict=True)
    )
    return found, [name for name, _ in columns]


def exported(
    flat: Any, examples: tuple[Any, ...], names: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The graph by torch.export.   Raises: what PyTorch raises."""
    graph: onnx.ModelProto = onnx_program(flat, examples, names, outputs).model_proto
    return graph


def onnx_program(
    flat: Any,
    examples: tuple[Any, ...],
    names: Sequence[str],
    outputs: Sequence[str],
    *,
    free: Mapping[str, int | None] = MappingProxyType({_BATCH: None}),
) -> Any:
    """PyTorch's own object of a graph, with the weights of the module.

    Args: free: names of the first dimensions of every input, whose sizes are free, with the most
        that they may be.
    Raises: what PyTorch raises.
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _program(flat, examples, free),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(names),
            output_names=list(outputs),
            external_data=False,
        )
    assert program is not None
    return program


def _program(flat: Any, examples: tuple[Any, ...], free: Mapping[str, int | None]) -> Any:
    """The program of torch.export, of free sizes.   Raises: what torch.export raises."""
    import torch

    sizes = {k: torch.export.Dim(name, max=most) for k, (name, most) in enumerate(free.items())}
    shapes = {"tensors": tuple(sizes for _ in examples)}
    return torch.export.export(flat, examples, dynamic_shapes=shapes, strict=False)


def traced(
    flat: Any, examples: tuple[Any, ...], names: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    """The graph by tracing, which TorchScript can be.   Raises: what PyTorch raises."""
    import torch

    with tempfile.TemporaryDirectory(prefix="seatrial-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            torch.jit.trace(flat, examples, check_trace=False),
            examples,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(names),
            output_names=list(outputs),
            dynamic_axes={name: {0: _BATCH} for name in (*names, *outputs)},
        )
        graph: onnx.ModelProto = onnx.load(path)
    return graph


def scripted(model: TorchModel, examples: tuple[Any, ...]) -> bytes:
    """The model as a TorchScript file.   Raises: what tracing raises."""
    import torch

    with tempfile.TemporaryDirectory(prefix="seatrial-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.ts"
        found = model.module
        if not model.scripted:
            with torch.no_grad():
                found = torch.jit.trace(found, examples, strict=False)
        torch.jit.save(found, str(path))
        return path.read_bytes()
