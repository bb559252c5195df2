"""CatBoost models to ONNX, by CatBoost's own exporter. Runs where the model is loaded."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Unpack

import onnx
from onnx import TensorProto, helper

from seatrial.adapters.export import onnx_graph, onnx_trees
from seatrial.adapters.export.answer import Answer, Asked, first_line, refusal
from seatrial.adapters.export.onnx_convert import record
from seatrial.packaging.export import Form


def export(model: Any, **asked: Unpack[Asked]) -> Answer:
    """The model as ONNX; see ``sklearn.export``.

    Args:
        model: a ``catboost.CatBoost``.
        asked: see ``Asked``.
    """
    if Form(asked["form"]) is not Form.FLOAT32:
        return refusal("A CatBoost model has one form: it rounds its numbers to float32.")
    if not asked["matrix"]:
        return refusal("CatBoost exports models of numbers only, none of categories or texts.")
    try:
        with TemporaryDirectory(prefix="seatrial-") as folder:
            path = Path(folder) / "model.onnx"
            model.save_model(str(path), format="onnx")
            graph = onnx.load(path)
        return record(_fitted(graph, asked))
    except Exception as error:  # noqa: BLE001 - an exporter fails in many ways, all one answer
        return refusal(f"CatBoost cannot export the model: {first_line(error)}.")


def _fitted(model: onnx.ModelProto, asked: Asked) -> onnx.ModelProto:
    graph = model.graph
    model.opset_import.append(helper.make_opsetid("", onnx_graph.OPSET[""]))
    onnx_graph.drop_zipmaps(graph)
    for node in graph.node:
        node.input[:] = [onnx_graph.INPUT if i == "features" else i for i in node.input]
    graph.input[0].name = onnx_graph.INPUT
    onnx_trees.compare_in_float32(graph)
    onnx_graph.name_outputs(model, asked["outputs"], TensorProto.FLOAT)
    if "probabilities" in asked["outputs"]:
        onnx_graph.bound_probabilities(graph, TensorProto.FLOAT)
    return onnx_graph.canonical(model)
