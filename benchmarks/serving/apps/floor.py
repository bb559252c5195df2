"""The floor: the least a Python server can do and still answer, as a bare ASGI application.

No framework, routing, validation, metrics or error handling: read the body, orjson, one array, one
ONNX Runtime call on the loop (one thread), orjson. The session is the one every ONNX peer gets.
Also reads and writes binary tensors, so that the row for them has a floor as well.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnxruntime
import orjson

HEADER_LENGTH = b"inference-header-content-length"


def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        os.environ["BENCH_MODEL"], options, providers=["CPUExecutionProvider"]
    )


class Floor:
    """One model behind an ASGI callable."""

    def __init__(self) -> None:
        self._run = _session().run

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        message = await receive()
        body = message["body"]
        if message.get("more_body"):
            parts = [body]
            while message.get("more_body"):
                message = await receive()
                parts.append(message["body"])
            body = b"".join(parts)
        length = next((v for k, v in scope["headers"] if k == HEADER_LENGTH), None)
        headers, reply = self._json(body) if length is None else self._binary(body, int(length))
        headers.append((b"content-length", str(len(reply)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    def _json(self, body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        tensor = orjson.loads(body)["inputs"][0]
        rows = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
        label, probabilities = self._run(None, {"input": rows})
        n = len(label)
        reply = {
            "model_name": "gbdt",
            "outputs": [
                {"name": "label", "datatype": "INT64", "shape": [n], "data": label},
                {
                    "name": "probabilities",
                    "datatype": "FP32",
                    "shape": [*probabilities.shape],
                    "data": probabilities.ravel(),
                },
            ],
        }
        return [(b"content-type", b"application/json")], orjson.dumps(
            reply, option=orjson.OPT_SERIALIZE_NUMPY
        )

    def _binary(self, body: bytes, length: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
        shape = orjson.loads(body[:length])["inputs"][0]["shape"]
        rows = np.frombuffer(body, np.float32, offset=length).reshape(shape)
        label, probabilities = self._run(None, {"input": rows})
        n = len(label)
        head = orjson.dumps(
            {
                "model_name": "gbdt",
                "outputs": [
                    {
                        "name": "label",
                        "datatype": "INT64",
                        "shape": [n],
                        "parameters": {"binary_data_size": label.nbytes},
                    },
                    {
                        "name": "probabilities",
                        "datatype": "FP32",
                        "shape": [*probabilities.shape],
                        "parameters": {"binary_data_size": probabilities.nbytes},
                    },
                ],
            }
        )
        headers = [
            (b"content-type", b"application/octet-stream"),
            (HEADER_LENGTH, str(len(head)).encode()),
        ]
        return headers, head + label.tobytes() + probabilities.tobytes()


app = Floor()
