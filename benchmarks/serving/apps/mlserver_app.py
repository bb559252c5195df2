"""What MLServer runs: two custom runtimes, one for the ONNX model and one for the native forest.

The settings are in ``peers/mlserver.py``.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Onnx(MLModel):
    """The pipeline as ONNX, one thread, called on the loop."""

    async def load(self) -> bool:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._run = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        ).run
        return True

    def _predict(self, rows: np.ndarray) -> Any:
        return self._run(None, {"input": rows})

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensor = payload.inputs[0]
        rows = np.array(tensor.data.root, dtype=np.float32).reshape(tensor.shape)
        label, probabilities = self._predict(rows)
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                ResponseOutput(
                    name="label", datatype="INT64", shape=[len(label), 1], data=label.tolist()
                ),
                NumpyCodec.encode_output("probabilities", probabilities),
            ],
        )


class Forest(Onnx):
    """The forest as a pickle."""

    async def load(self) -> bool:
        self._forest = pickle.loads(Path(self.settings.parameters.uri).read_bytes())
        return True

    def _predict(self, rows: np.ndarray) -> Any:
        probabilities = self._forest.predict_proba(rows.astype(np.float64))
        return probabilities.argmax(axis=1), probabilities.astype(np.float32)
