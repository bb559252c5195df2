"""The program of a model in NVIDIA Triton's Python backend; runs there, and knows nothing of ours.

Triton gives it the requests of one dynamic batch at a time: they are run in one call, or row by row
where the graph scales by the batch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

_NUMPY = {
    "TYPE_FP32": np.float32,
    "TYPE_FP64": np.float64,
    "TYPE_INT64": np.int64,
    "TYPE_BOOL": np.bool_,
    "TYPE_STRING": np.object_,
}


class TritonPythonModel:
    """See Triton's documentation of its Python backend."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the graph beside this file."""
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        parameters = {k: v["string_value"] for k, v in config["parameters"].items()}
        self._graph_inputs = json.loads(parameters["seatrial_graph_inputs"])
        self._alone = parameters["seatrial_alone"] == "1"
        self._kinds = {i.name: i.type for i in self._session.get_inputs()}
        self._inputs = [i["name"] for i in config["input"]]
        self._outputs = [
            (o["name"], _NUMPY[o["data_type"]], [int(size) for size in o["dims"]])
            for o in config["output"]
        ]

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests of one batch."""
        import triton_python_backend_utils as triton  # Triton's own; no package has it

        parts = [
            [triton.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs]
            for request in requests
        ]
        sizes = [len(part[0]) for part in parts]
        merged = {
            name: np.concatenate([part[at] for part in parts])
            for at, name in enumerate(self._inputs)
        }
        try:
            answers = self.run(merged)
        except Exception as problem:  # noqa: BLE001 - the border of an engine
            error = triton.TritonError(f"{type(problem).__name__}: {problem}")
            return [triton.InferenceResponse(error=error) for _ in requests]
        ends = np.cumsum(sizes)[:-1]
        by_request = zip(*(np.split(answer, ends) for answer in answers), strict=True)
        names = [name for name, _, _ in self._outputs]
        return [
            triton.InferenceResponse(
                output_tensors=[
                    triton.Tensor(name, values) for name, values in zip(names, part, strict=True)
                ]
            )
            for part in by_request
        ]

    def run(self, inputs: dict[str, Any]) -> list[Any]:
        """The outputs as declared, the rows in front."""
        feeds = {
            graph: _fed(inputs[name], self._kinds[graph])
            for name, graph in zip(self._inputs, self._graph_inputs, strict=True)
            if graph in self._kinds
        }
        n = len(next(iter(inputs.values())))
        return [
            _answered(values, dtype).reshape(n, *sizes)
            for values, (_, dtype, sizes) in zip(self._asked(feeds, n), self._outputs, strict=True)
        ]

    def _asked(self, feeds: dict[str, Any], n: int) -> Any:
        """The answers to ``n`` rows, each by itself where the graph scales by the batch."""
        names = [name for name, _, _ in self._outputs]
        if not self._alone:
            return self._session.run(names, feeds)
        rows = ({k: v[at : at + 1] for k, v in feeds.items()} for at in range(n))
        answers = [self._session.run(names, row) for row in rows]
        return [np.concatenate(column) for column in zip(*answers, strict=True)]


_ONNX = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(float16)": np.float16,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
    "tensor(bool)": np.bool_,
}


def _fed(values: Any, kind: str) -> Any:
    if kind == "tensor(string)":
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in values.ravel()]
        return np.array(texts, dtype=np.object_).reshape(values.shape)
    return values.astype(_ONNX[kind], copy=False)


def _answered(values: Any, dtype: Any) -> Any:
    if dtype is np.object_:
        return np.array([str(v).encode() for v in np.ravel(values)], dtype=np.object_)
    return np.asarray(values).astype(dtype, copy=False)
