"""The messages of TensorFlow Serving's gRPC services, as far as they are answered here.

Source: https://github.com/tensorflow/serving/tree/master/tensorflow_serving/apis (model.proto,
predict.proto, prediction_log.proto, get_model_metadata.proto, get_model_status.proto) and
TensorFlow's own tensor.proto, tensor_shape.proto and meta_graph.proto. On the wire an
enumeration is an int32, and a message has no name: all stand in one package here, and neither
TensorFlow nor its generated code is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from seatrial.adapters.grpc.protobuf_table import Table, message_classes

PACKAGE: Final = "tensorflow.serving"
PREDICTION: Final = f"{PACKAGE}.PredictionService"
MODEL: Final = f"{PACKAGE}.ModelService"

_TABLE: Final[Table] = {
    "Int64Value": {"value": "int64"},
    "Any": {"type_url": "string", "value": "bytes"},
    "ModelSpec": {
        "name": "string",
        "version": "Int64Value",
        "signature_name": "string",
        "version_label": "string",
    },
    "TensorShape": {"dim": "repeated TensorShape.Dim = 2", "unknown_rank": "bool = 3"},
    "TensorShape.Dim": {"size": "int64", "name": "string"},
    "Tensor": {
        "dtype": "int32",
        "tensor_shape": "TensorShape",
        "version_number": "int32",
        "tensor_content": "bytes",
        "float_val": "repeated float",
        "double_val": "repeated double",
        "int_val": "repeated int32",
        "string_val": "repeated bytes",
        "int64_val": "repeated int64 = 10",
        "bool_val": "repeated bool = 11",
        "half_val": "repeated int32 = 13",
        "uint32_val": "repeated uint32 = 16",
        "uint64_val": "repeated uint64 = 17",
    },
    "PredictRequest": {
        "model_spec": "ModelSpec",
        "inputs": "map Tensor",
        "output_filter": "repeated string",
    },
    "PredictResponse": {"outputs": "map Tensor", "model_spec": "ModelSpec"},
    "PredictLog": {"request": "PredictRequest"},
    "PredictionLog": {"predict_log": "PredictLog = 6"},
    "GetModelMetadataRequest": {"model_spec": "ModelSpec", "metadata_field": "repeated string"},
    "GetModelMetadataResponse": {"model_spec": "ModelSpec", "metadata": "map Any"},
    "TensorInfo": {"name": "string", "dtype": "int32", "tensor_shape": "TensorShape"},
    "SignatureDef": {
        "inputs": "map TensorInfo",
        "outputs": "map TensorInfo",
        "method_name": "string",
    },
    "SignatureDefMap": {"signature_def": "map SignatureDef"},
    "GetModelStatusRequest": {"model_spec": "ModelSpec"},
    "GetModelStatusResponse": {"model_version_status": "repeated ModelVersionStatus"},
    "ModelVersionStatus": {"version": "int64", "state": "int32", "status": "Status"},
    "Status": {"error_code": "int32", "error_message": "string"},
}

AVAILABLE: Final = 30
"""The state of a version that answers."""


@cache
def messages() -> Mapping[str, Any]:
    """The classes of the messages by name, such as PredictRequest.   Raises: MissingExtra."""
    return message_classes("seatrial/tensorflow_serving.proto", PACKAGE, _TABLE)
