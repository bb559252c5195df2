"""The messages of the Open Inference Protocol's gRPC form, made when they are needed.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/
open_inference_grpc.proto, and Triton's model repository extension. They are made from this table
rather than generated: generated code is tied to one version of protobuf, and a second file of the
same messages, such as that of Triton's client, cannot be loaded beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from seatrial.adapters.grpc.protobuf_table import message_classes

PACKAGE: Final = "inference"
SERVICE: Final = f"{PACKAGE}.GRPCInferenceService"

_PARAMETERS: Final = "map InferParameter"

_TABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "ServerLiveRequest": {},
    "ServerLiveResponse": {"live": "bool"},
    "ServerReadyRequest": {},
    "ServerReadyResponse": {"ready": "bool"},
    "ModelReadyRequest": {"name": "string", "version": "string"},
    "ModelReadyResponse": {"ready": "bool"},
    "ServerMetadataRequest": {},
    "ServerMetadataResponse": {
        "name": "string",
        "version": "string",
        "extensions": "repeated string",
    },
    "ModelMetadataRequest": {"name": "string", "version": "string"},
    "ModelMetadataResponse": {
        "name": "string",
        "versions": "repeated string",
        "platform": "string",
        "inputs": "repeated ModelMetadataResponse.TensorMetadata",
        "outputs": "repeated ModelMetadataResponse.TensorMetadata",
    },
    "ModelMetadataResponse.TensorMetadata": {
        "name": "string",
        "datatype": "string",
        "shape": "repeated int64",
    },
    "InferParameter": {
        "bool_param": "bool",
        "int64_param": "int64",
        "string_param": "string",
        "double_param": "double",
        "uint64_param": "uint64",
    },
    "InferTensorContents": {
        "bool_contents": "repeated bool",
        "int_contents": "repeated int32",
        "int64_contents": "repeated int64",
        "uint_contents": "repeated uint32",
        "uint64_contents": "repeated uint64",
        "fp32_contents": "repeated float",
        "fp64_contents": "repeated double",
        "bytes_contents": "repeated bytes",
    },
    "ModelInferRequest": {
        "model_name": "string",
        "model_version": "string",
        "id": "string",
        "parameters": _PARAMETERS,
        "inputs": "repeated ModelInferRequest.InferInputTensor",
        "outputs": "repeated ModelInferRequest.InferRequestedOutputTensor",
        "raw_input_contents": "repeated bytes",
    },
    "ModelInferRequest.InferInputTensor": {
        "name": "string",
        "datatype": "string",
        "shape": "repeated int64",
        "parameters": _PARAMETERS,
        "contents": "InferTensorContents",
    },
    "ModelInferRequest.InferRequestedOutputTensor": {"name": "string", "parameters": _PARAMETERS},
    "ModelInferResponse": {
        "model_name": "string",
        "model_version": "string",
        "id": "string",
        "parameters": _PARAMETERS,
        "outputs": "repeated ModelInferResponse.InferOutputTensor",
        "raw_output_contents": "repeated bytes",
    },
    "ModelInferResponse.InferOutputTensor": {
        "name": "string",
        "datatype": "string",
        "shape": "repeated int64",
        "parameters": _PARAMETERS,
        "contents": "InferTensorContents",
    },
    "RepositoryModelLoadRequest": {"repository_name": "string", "model_name": "string"},
    "RepositoryModelLoadResponse": {},
    "RepositoryModelUnloadRequest": {"repository_name": "string", "model_name": "string"},
    "RepositoryModelUnloadResponse": {},
}

CONTENTS: Final[Mapping[str, str]] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Where the values of a tensor of each datatype are, if they are not raw; FP16 always is."""


@cache
def messages() -> Mapping[str, Any]:
    """The classes of the messages by name, such as ModelInferRequest.   Raises: MissingExtra."""
    return message_classes(
        "seatrial/open_inference.proto",
        PACKAGE,
        _TABLE,
        one_of={"InferParameter": "parameter_choice"},
    )


def methods() -> Iterator[tuple[str, str, str]]:
    """Every method: its path, and the names of what it takes and gives."""
    for request in _TABLE:
        name = request.removesuffix("Request")
        if name != request:
            yield f"/{SERVICE}/{name}", request, f"{name}Response"
