"""What Triton's Python backend runs (copied into its model repository as ``model.py``).

One call takes every request the server hands over at once, so that dynamic batching is one model
call. The settings are in ``peers/triton.py``.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """The pipeline as ONNX, or the native forest."""

    def initialize(self, args: dict[str, str]) -> None:
        path = json.loads(args["model_config"])["parameters"]["path"]["string_value"]
        self._predict = _onnx(path) if path.endswith(".onnx") else _forest(path)

    def execute(self, requests: list[Any]) -> list[Any]:
        inputs = [pb_utils.get_input_tensor_by_name(r, "input").as_numpy() for r in requests]
        rows = inputs[0] if len(inputs) == 1 else np.concatenate(inputs)
        label, probabilities = self._predict(rows)
        label = label.reshape(-1, 1)
        if len(inputs) == 1:
            return [_reply(label, probabilities)]
        ends = np.cumsum([len(i) for i in inputs])
        return [
            _reply(label[end - len(rows) : end], probabilities[end - len(rows) : end])
            for end, rows in zip(ends, inputs, strict=True)
        ]


def _reply(label: np.ndarray, probabilities: np.ndarray) -> Any:
    return pb_utils.InferenceResponse(
        output_tensors=[
            pb_utils.Tensor("label", label),
            pb_utils.Tensor("probabilities", probabilities),
        ]
    )


def _onnx(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(None, {"input": rows})


def _forest(path: str) -> Any:
    forest = pickle.loads(Path(path).read_bytes())

    def predict(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        probabilities = forest.predict_proba(rows.astype(np.float64))
        return probabilities.argmax(axis=1), probabilities.astype(np.float32)

    return predict
