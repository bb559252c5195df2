"""Requests and replies as bytes: the Open Inference Protocol in JSON and binary, and plain rows.

Pure; what a server is asked and how its answer is read, with no server in sight.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.adapters.grpc.oip_messages import SERVICE, messages

Rows = NDArray[np.float32]
"""Rows to predict, shape (n, 30)."""

HEADER_LENGTH = "inference-header-content-length"

_NUMPY = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "INT32": np.int32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One POST request, or with ``grpc`` one message for a method."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    grpc: bool = False

    def raw(self, host: str) -> bytes:
        """The request as it travels, for a load generator that only copies bytes."""
        lines = [f"POST {self.path} HTTP/1.1", f"host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"content-length: {len(self.body)}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server predicted; None for what it did not say.

    Args:
        label: shape (n,).
        probabilities: shape (n, classes).
    """

    label: NDArray[np.int64] | None
    probabilities: NDArray[np.float64] | None


Ask = Callable[[str, Rows], Call]
Read = Callable[[Mapping[str, str], bytes], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How one server is asked and read."""

    ask: Ask
    read: Read


def answer_of(outputs: Mapping[str, Any]) -> Answer:
    """An answer from what a server said, by name."""
    label, probabilities = outputs.get("label"), outputs.get("probabilities")
    return Answer(
        label=None if label is None else np.asarray(label, dtype=np.int64).ravel(),
        probabilities=None
        if probabilities is None
        else np.asarray(probabilities, dtype=np.float64),
    )


def ask_json(model: str, rows: Rows) -> Call:
    """An inference request with its tensor as JSON numbers, each the shortest that reads back."""
    data = ",".join(np.format_float_positional(x, trim="0") for x in rows.ravel())
    head = json.dumps({"name": "input", "shape": rows.shape, "datatype": "FP32"})
    body = f'{{"inputs":[{head[:-1]},"data":[{data}]}}]}}'
    return Call(path=f"/v2/models/{model}/infer", body=body.encode())


def ask_binary(model: str, rows: Rows) -> Call:
    """An inference request with its tensor as bytes, asking for bytes back."""
    tensor = rows.astype("<f4").tobytes()
    head = json.dumps(
        {
            "inputs": [
                {
                    "name": "input",
                    "shape": rows.shape,
                    "datatype": "FP32",
                    "parameters": {"binary_data_size": len(tensor)},
                }
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    return Call(
        path=f"/v2/models/{model}/infer",
        body=head + tensor,
        headers={"content-type": "application/octet-stream", HEADER_LENGTH: str(len(head))},
    )


def read_inference(headers: Mapping[str, str], body: bytes) -> Answer:
    """An inference reply, JSON or binary.

    Args: header names in lower case.   Raises: ValueError, KeyError on anything else.
    """
    length = headers.get(HEADER_LENGTH)
    end = len(body) if length is None else int(length)
    outputs: dict[str, Any] = {}
    for output in json.loads(body[:end])["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            values = np.asarray(output["data"])
        else:
            values = np.frombuffer(body[end : end + size], _NUMPY[output["datatype"]])
            end += size
        outputs[output["name"]] = values.reshape(output["shape"])
    return answer_of(outputs)


def ask_plain(path: str, rows: Rows) -> Call:
    """Rows as nested JSON lists, for servers without the Open Inference Protocol."""
    numbers = (
        "[" + ",".join(np.format_float_positional(x, trim="0") for x in row) + "]" for row in rows
    )
    return Call(path=path, body=f'{{"instances":[{",".join(numbers)}]}}'.encode())


def read_plain(_headers: Mapping[str, str], body: bytes) -> Answer:
    """A JSON object with ``label`` and ``probabilities``."""
    return answer_of(json.loads(body))


def ask_grpc(model: str, rows: Rows) -> Call:
    """An inference request of the protocol's gRPC form, its tensor as bytes."""
    kinds = messages()
    tensor = kinds["ModelInferRequest.InferInputTensor"](
        name="input", datatype="FP32", shape=rows.shape
    )
    request = kinds["ModelInferRequest"](
        model_name=model, inputs=[tensor], raw_input_contents=[rows.astype("<f4").tobytes()]
    )
    return Call(path=f"/{SERVICE}/ModelInfer", body=request.SerializeToString(), grpc=True)


def read_grpc(_headers: Mapping[str, str], body: bytes) -> Answer:
    """An inference reply of the gRPC form.   Raises: ValueError, KeyError on anything else."""
    reply = messages()["ModelInferResponse"].FromString(body)
    return answer_of(
        {
            output.name: np.frombuffer(raw, _NUMPY[output.datatype]).reshape(output.shape)
            for output, raw in zip(reply.outputs, reply.raw_output_contents, strict=True)
        }
    )


INFERENCE_JSON = Wire(ask=ask_json, read=read_inference)
INFERENCE_BINARY = Wire(ask=ask_binary, read=read_inference)
INFERENCE_GRPC = Wire(ask=ask_grpc, read=read_grpc)
