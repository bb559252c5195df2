"""Reads what TensorFlow Serving is given by its own messages, in their environment; prints it."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import distribution
from pathlib import Path

tensorflow = types.ModuleType("tensorflow")
tensorflow.__path__ = [str(distribution("tensorflow-cpu").locate_file("tensorflow"))]
sys.modules["tensorflow"] = tensorflow

from google.protobuf import json_format, text_format  # noqa: E402
from tensorflow_serving.apis import prediction_log_pb2  # noqa: E402
from tensorflow_serving.config import model_server_config_pb2  # noqa: E402


def main(config: str, *requests: str) -> None:
    """Print the configuration, and the requests' spec and shapes."""
    text = Path(config).read_text()
    read = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    asked = []
    for record in requests:
        log = prediction_log_pb2.PredictionLog.FromString(bytes.fromhex(record))
        request = log.predict_log.request
        shapes = {
            name: [dim.size for dim in tensor.tensor_shape.dim]
            for name, tensor in request.inputs.items()
        }
        asked.append([request.model_spec.name, request.model_spec.signature_name, shapes])
    print(json.dumps([json_format.MessageToDict(read), asked]))


if __name__ == "__main__":
    main(*sys.argv[1:])
