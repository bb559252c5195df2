"""Google's own client, in an environment of its own: asks a server and prints what came back.

Its messages come from TensorFlow's package, whose import takes half a minute and needs all its
libraries: the generated files are imported without it.
"""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import distribution
from typing import Any

tensorflow = types.ModuleType("tensorflow")
tensorflow.__path__ = [str(distribution("tensorflow-cpu").locate_file("tensorflow"))]
sys.modules["tensorflow"] = tensorflow

import grpc  # noqa: E402
import numpy as np  # noqa: E402
from tensorflow.core.framework import types_pb2  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def filled(proto: Any, dtype: int, shape: tuple[int, ...], **values: Any) -> None:
    """Fill a tensor; values go where their type has them."""
    proto.dtype = dtype
    for size in shape:
        proto.tensor_shape.dim.add().size = size
    for field, given in values.items():
        if field == "tensor_content":
            proto.tensor_content = given
        else:
            getattr(proto, field).extend(given)


def predicted(stub: Any, model: str = "churn", **spec: Any) -> Any:
    """Ask for a prediction of two rows."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = spec.get("signature", "serving_default")
    if "version" in spec:
        request.model_spec.version.value = spec["version"]
    if model == "col":
        inputs = request.inputs
        filled(inputs["age"], types_pb2.DT_DOUBLE, (2,), double_val=[1.5, 2.5])
        filled(inputs["visits"], types_pb2.DT_INT64, (2, 1), int64_val=[1, 2])
        filled(inputs["member"], types_pb2.DT_BOOL, (2,), bool_val=[True, False])
        filled(inputs["plan"], types_pb2.DT_STRING, (2,), string_val=[b"pro", b"basic"])
        filled(inputs["note"], types_pb2.DT_STRING, (2,), string_val=["å".encode(), b""])
    else:
        shape = spec.get("shape", ROWS.shape)
        filled(request.inputs["x"], types_pb2.DT_FLOAT, shape, tensor_content=ROWS.tobytes())
    return stub.Predict(request, timeout=spec.get("timeout", 10))


def refused(stub: Any, **spec: Any) -> list[str]:
    """The code and the words of a refusal."""
    try:
        predicted(stub, **spec)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    raise AssertionError(spec)


def main(address: str) -> None:
    """Ask everything once."""
    channel = grpc.insecure_channel(address)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "col"
    described = stub.GetModelMetadata(metadata, timeout=10).metadata["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert described.Unpack(signatures)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "churn"
    told = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status, timeout=10)
    answer, column = predicted(stub, version=1), predicted(stub, "col")
    record = {
        "model": [answer.model_spec.name, answer.model_spec.version.value],
        "probabilities": list(answer.outputs["probabilities"].float_val),
        "shape": [dim.size for dim in answer.outputs["probabilities"].tensor_shape.dim],
        "label": list(answer.outputs["label"].int64_val),
        "prediction": list(column.outputs["prediction"].double_val),
        "inputs": {
            name: types_pb2.DataType.Name(info.dtype)
            for name, info in signatures.signature_def["serving_default"].inputs.items()
        },
        "status": [
            [one.version, get_model_status_pb2.ModelVersionStatus.State.Name(one.state)]
            for one in told.model_version_status
        ],
        "unknown model": refused(stub, model="nope"),
        "unknown version": refused(stub, version=7),
        "unknown signature": refused(stub, signature="other"),
        "wrong rank": refused(stub, shape=(1, 2, 3)),
        "deadline": refused(stub, model="slow", timeout=0.2),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main(sys.argv[1])
    exec(sys.argv[2])  # the words of a page
