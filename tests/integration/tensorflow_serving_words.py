"""Google's own client asks a double of its server for the model of the suites; prints what came."""

from __future__ import annotations

import json
import sys

import grpc
import numpy as np
import tensorflow_serving_client as client

filled, types_pb2 = client.filled, client.types_pb2


def main(address: str) -> None:
    """Ask for two rows, a description, a state, and a version that is not there."""
    channel = grpc.insecure_channel(address)
    stub = client.prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = client.predict_pb2.PredictRequest()
    request.model_spec.name = "words"
    rows = np.array([[1.0, 2.0], [2.0, 4.0]])
    filled(request.inputs["x"], types_pb2.DT_DOUBLE, rows.shape, tensor_content=rows.tobytes())
    texts = ["å".encode(), b"longer"]
    filled(request.inputs["word"], types_pb2.DT_STRING, (2, 1), string_val=texts)
    outputs = stub.Predict(request, timeout=10).outputs
    metadata = client.get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    metadata.model_spec.name = "words"
    described = stub.GetModelMetadata(metadata, timeout=10).metadata["signature_def"]
    signatures = client.get_model_metadata_pb2.SignatureDefMap()
    assert described.Unpack(signatures)
    status = client.get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "words"
    told = client.model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(
        status, timeout=10
    )
    request.model_spec.version.value = 7
    try:
        stub.Predict(request, timeout=10)
        refused = ""
    except grpc.RpcError as error:
        refused = error.code().name
    long = outputs["long"]
    record = {
        "total": list(outputs["total"].double_val),
        "said": [text.decode() for text in outputs["said"].string_val],
        "long": np.reshape(long.bool_val, [d.size for d in long.tensor_shape.dim]).tolist(),
        "status": [
            [one.version, client.get_model_status_pb2.ModelVersionStatus.State.Name(one.state)]
            for one in told.model_version_status
        ],
        "inputs": {
            name: [types_pb2.DataType.Name(info.dtype), [d.size for d in info.tensor_shape.dim]]
            for name, info in signatures.signature_def["serving_default"].inputs.items()
        },
        "refused": refused,
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main(sys.argv[1])
