"""Text classifiers of Hugging Face as ONNX: the model's graph, with its tokenizer in its metadata.

Rows and tokens are free. The names of the labels are in the graph too, so it answers by name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from seatrial.adapters.export.answer import (
    Answer,
    Columns,
    by_their_exporter,
    fixed_rows,
    made,
    refusal,
)
from seatrial.adapters.export.onnx_external import joined
from seatrial.adapters.export.onnx_text import CLASSES, TOKENIZER
from seatrial.kernel.size import show_size
from seatrial.packaging.export import Form
from seatrial.serving.frames import MAX_FRAME_BYTES

if TYPE_CHECKING:
    from seatrial.adapters.native.huggingface_model import HuggingfaceModel

_PLACE = "place"
"""Which label it is, before it has its name."""


def export(
    model: HuggingfaceModel, *, columns: Columns, matrix: bool, outputs: Sequence[str], form: str
) -> Answer:
    """The model as ONNX; see ``sklearn.export`` for the arguments.

    Args: model: as loaded.
    """
    del columns, matrix  # one text a row, whatever its name
    if Form(form) is not Form.FLOAT32:
        return refusal("A model of transformers has one form, its own.")

    def make() -> Answer:
        with TemporaryDirectory(prefix="seatrial-") as folder:
            return _made(model, outputs, Path(folder))

    return by_their_exporter(
        make, fails="PyTorch cannot export", extra="huggingface", needs="onnxscript"
    )


def _made(model: HuggingfaceModel, outputs: Sequence[str], folder: Path) -> Answer:
    """What is returned.   Raises: what PyTorch raises."""
    graph = _skeleton(model, outputs, folder)
    if problem := fixed_rows(graph):
        return refusal(problem)
    for node in graph.graph.node:
        del node.metadata_props[:]  # PyTorch notes the files of this machine that a node came from
    if "label" in outputs:
        _name_labels(graph, model.names)
    _keep(graph, TOKENIZER, model.tokenizer)
    if model.names:
        _keep(graph, CLASSES, json.dumps(model.names, ensure_ascii=False))
    content = joined(graph, folder)
    if len(content) > MAX_FRAME_BYTES:
        return refusal(
            f"The graph has {show_size(len(content))}, and no more than "
            f"{show_size(MAX_FRAME_BYTES)} pass between processes."
        )
    return made(graph) | {"onnx": content, "complete": True}  # the weights are in the content only


def _skeleton(model: HuggingfaceModel, outputs: Sequence[str], folder: Path) -> ModelProto:
    """The graph of tokens, its weights in a file beside it.   Raises: what PyTorch raises."""
    from seatrial.adapters.native import torch_graphs

    found = [_PLACE if name == "label" else name for name in outputs]
    free = {"batch": None, "tokens": model.max_tokens}
    program = torch_graphs.onnx_program(
        _flat(model), model.examples(), model.inputs, found, free=free
    )
    file = folder / "model.onnx"
    program.save(str(file), external_data=True)
    return onnx.load(file, load_external_data=False)


def _flat(model: HuggingfaceModel) -> Any:
    """The model as a module of tensors that returns the answers, a label by its place."""
    import torch

    class Flat(torch.nn.Module):  # type: ignore[misc]  # torch is not there where types are checked
        def __init__(self) -> None:
            super().__init__()
            self.module = model.model

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            named = dict(zip(model.inputs, tensors, strict=True))
            return tuple(model.answers(self.module(**named).logits).values())

    return Flat().eval()


def _name_labels(graph: ModelProto, names: Sequence[str]) -> None:
    """Give the label by name where the graph gives its place."""
    inner = graph.graph
    inner.initializer.append(numpy_helper.from_array(np.array(names, dtype=object), "labels"))
    inner.node.append(helper.make_node("Gather", ["labels", _PLACE], ["label"], name="label"))
    at = [value.name for value in inner.output].index(_PLACE)
    del inner.output[at]
    inner.output.insert(at, helper.make_tensor_value_info("label", TensorProto.STRING, ["batch"]))


def _keep(graph: ModelProto, entry: str, text: str) -> None:
    graph.metadata_props.add(key=entry, value=text)
