"""ONNX files given as models: checked, then passed through with the names of the signature.

The file is its own original: there is nothing to convert, and one form only.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import ModelProto

from seatrial.adapters.export.answer import Answer, Columns, first_line, made, refusal
from seatrial.adapters.export.onnx_text import TOKENIZER
from seatrial.adapters.export.onnx_wide import widen
from seatrial.packaging.export import Form


def export(
    model: object,
    *,
    columns: Columns,
    matrix: bool,
    outputs: Sequence[str],
    form: str,
    shapes: Sequence[Sequence[int]] = (),
) -> Answer:
    """The file as it is; see ``sklearn.export`` for the arguments.

    Args:
        model: the file's bytes, or the parsed model.
        shapes: of each input's rows; the graph has them already.
    """
    del shapes
    if Form(form) is not Form.FLOAT32:
        return refusal("An ONNX file has one form.")
    try:
        graph = model if isinstance(model, ModelProto) else onnx.load_from_string(_bytes(model))
        onnx.checker.check_model(graph)
    except Exception as error:  # noqa: BLE001 - protobuf, checker and type errors, all one answer
        return refusal(f"The ONNX file is not valid: {first_line(error)}.")
    if problem := _misfit(graph, columns, outputs, matrix=matrix):
        return refusal(problem)
    return made(graph, wide=widen(graph))


def _bytes(model: object) -> bytes:
    if not isinstance(model, bytes):
        raise TypeError(f"an ONNX model is given as bytes, not {type(model).__name__}")
    return model


def _misfit(graph: ModelProto, columns: Columns, outputs: Sequence[str], *, matrix: bool) -> str:
    constants = {t.name for t in graph.graph.initializer}
    inputs = [i for i in graph.graph.input if i.name not in constants]
    have = {o.name for o in graph.graph.output}
    if missing := [name for name in outputs if name not in have]:
        return f"The ONNX file has no output {missing[0]!r}, only {sorted(have)}."
    if any(entry.key == TOKENIZER for entry in graph.metadata_props):
        return ""  # its inputs are tokens, and what is served is a text
    if matrix and len(inputs) != 1:
        return f"The ONNX file has {len(inputs)} inputs, not one matrix."
    unknown = {i.name for i in inputs} - {name for name, _ in columns}
    if not matrix and unknown:
        return f"The ONNX file's input {min(unknown)!r} is no feature."
    for value in inputs:
        shape = value.type.tensor_type.shape.dim
        if shape and shape[0].dim_value > 0:
            return f"The ONNX file takes {shape[0].dim_value} rows at a time, no more or less."
    return ""
