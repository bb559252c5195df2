"""A TensorFlow Serving that holds a world of models: its REST and its gRPC as published.

Google's own client asks it in `tests/integration/test_tensorflow_serving.py`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio
import numpy as np

from seatrial.adapters.grpc.tfserving_messages import MODEL, PREDICTION, messages
from seatrial.testing.memory_oip import Fault, OipWorld

WORDS = {"FP64": "DT_DOUBLE", "BOOL": "DT_BOOL", "BYTES": "DT_STRING"}
NUMBERS = {"FP64": 2, "BOOL": 10, "BYTES": 7}
FIELDS = {"FP64": "double_val", "BOOL": "bool_val", "BYTES": "string_val"}
NUMPY: dict[str, Any] = {"FP64": np.float64, "BOOL": np.bool_, "BYTES": object}
AVAILABLE, END = 30, 50


class RestDouble:
    """Its REST interface."""

    def __init__(self, world: OipWorld) -> None:
        self.world = world

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if self.world.fault is Fault.RAMBLING:
            return 200, b"<html>welcome</html>"
        form = r"/v1/models/([^/:]+)(?:/versions/1)?(/metadata|:predict)?"
        found = re.fullmatch(form, path)
        model = "" if found is None else unquote(found[1])
        if found is None or model not in self.world.models:
            return 404, b'{"error": "Could not find any versions of model"}'
        loaded = model in self.world.loaded
        if found[2] is None:
            assert method == "GET"
            state = "AVAILABLE" if loaded else "END"
            status = {"version": "1", "state": state, "status": {"error_code": "OK"}}
            return 200, json.dumps({"model_version_status": [status]}).encode()
        if not loaded:
            return 404, b'{"error": "Servable not found for request: Latest(words)"}'
        if found[2] == "/metadata":
            return 200, json.dumps(self._metadata(model)).encode()
        assert method == "POST"
        return self._predicted(model, body)

    def _metadata(self, model: str) -> dict[str, Any]:
        tensors = {
            kind: {
                spec.name: {
                    "dtype": WORDS[spec.datatype],
                    "tensor_shape": {
                        "dim": [{"size": str(size), "name": ""} for size in spec.shape],
                        "unknown_rank": False,
                    },
                    "name": f"serving_default_{spec.name}:0",
                }
                for spec in getattr(self.world.described, kind)
            }
            for kind in ("inputs", "outputs")
        }
        signature = {**tensors, "method_name": "tensorflow/serving/predict"}
        return {
            "model_spec": {"name": model, "signature_name": "", "version": "1"},
            "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
        }

    def _predicted(self, model: str, body: bytes) -> tuple[int, bytes]:
        if self.world.fault is Fault.REFUSING:
            return 500, b'{"error": "it failed"}'
        given = json.loads(body)["inputs"]
        arrays = {
            spec.name: np.array(given[spec.name], NUMPY[spec.datatype])
            for spec in self.world.described.inputs
        }
        answers = self.world.models[model](arrays)
        outputs = {name: values.tolist() for name, values in answers.items()}
        return 200, json.dumps({"outputs": outputs}).encode()


class GrpcDouble:
    """Its gRPC interface."""

    def __init__(self, world: OipWorld) -> None:
        self.world, self.made = world, messages()

    async def answer(self, method: str, request: Any, context: Any) -> bytes:
        world, model = self.world, request.model_spec.name
        if world.fault is Fault.GONE:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        if world.fault is Fault.SLOW:
            await asyncio.sleep(0.3)
        if world.fault is Fault.RAMBLING:
            return b"\xff\xff\xff"
        version = request.model_spec.version.value
        loaded = model in world.loaded and version in (0, 1)
        if model not in world.models or (method != "GetModelStatus" and not loaded):
            await context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")
        if method == "GetModelStatus":
            status = {"version": 1, "state": AVAILABLE if loaded else END}
            reply = self.made["GetModelStatusResponse"](model_version_status=[status])
        elif method == "GetModelMetadata":
            reply = self._metadata(request)
        elif world.fault is Fault.REFUSING:
            await context.abort(grpc.StatusCode.INTERNAL, "it failed")
        else:
            reply = self._predicted(request)
        encoded: bytes = reply.SerializeToString()
        return encoded

    def _metadata(self, request: Any) -> Any:
        assert list(request.metadata_field) == ["signature_def"]
        tensors = {
            kind: {
                spec.name: {
                    "dtype": NUMBERS[spec.datatype],
                    "tensor_shape": {"dim": [{"size": size} for size in spec.shape]},
                }
                for spec in getattr(self.world.described, kind)
            }
            for kind in ("inputs", "outputs")
        }
        infos = {
            kind: {name: self.made["TensorInfo"](**info) for name, info in by_name.items()}
            for kind, by_name in tensors.items()
        }
        defined = self.made["SignatureDefMap"](
            signature_def={"serving_default": self.made["SignatureDef"](**infos)}
        )
        packed = self.made["Any"](
            type_url="type.googleapis.com/tensorflow.serving.SignatureDefMap",
            value=defined.SerializeToString(),
        )
        return self.made["GetModelMetadataResponse"](metadata={"signature_def": packed})

    def _predicted(self, request: Any) -> Any:
        arrays = {}
        for spec in self.world.described.inputs:
            tensor = request.inputs[spec.name]
            assert tensor.dtype == NUMBERS[spec.datatype]
            shape = [dim.size for dim in tensor.tensor_shape.dim]
            if tensor.tensor_content:
                values = np.frombuffer(tensor.tensor_content, NUMPY[spec.datatype])
            else:
                listed = list(getattr(tensor, FIELDS[spec.datatype]))
                texts = [v.decode() if isinstance(v, bytes) else v for v in listed]
                values = np.array(texts, NUMPY[spec.datatype])
            arrays[spec.name] = values.reshape(shape)
        answers = self.world.models[request.model_spec.name](arrays)
        wanted = list(request.output_filter) or list(answers)
        types = {spec.name: spec.datatype for spec in self.world.described.outputs}
        outputs = {}
        for name in wanted:
            values, kind = answers[name], types[name]
            listed = values.ravel().tolist()
            outputs[name] = self.made["Tensor"](
                dtype=NUMBERS[kind],
                tensor_shape={"dim": [{"size": size} for size in values.shape]},
                **{FIELDS[kind]: [v.encode() for v in listed] if kind == "BYTES" else listed},
            )
        return self.made["PredictResponse"](outputs=outputs)


@asynccontextmanager
async def over_grpc(world: OipWorld) -> AsyncIterator[str]:
    """The host and port of a double."""
    double = GrpcDouble(world)

    def handler(method: str) -> Any:
        async def answer(message: Any, context: Any) -> bytes:
            return await double.answer(method, message, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=double.made[f"{method}Request"].FromString
        )

    services = {PREDICTION: ("Predict", "GetModelMetadata"), MODEL: ("GetModelStatus",)}
    listening = grpc.aio.server()
    for service, methods in services.items():
        handlers = {method: handler(method) for method in methods}
        listening.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, handlers),)
        )
    port = listening.add_insecure_port("127.0.0.1:0")
    await listening.start()
    yield f"127.0.0.1:{port}"
    await listening.stop(None)
