"""TensorFlow Serving's gRPC services: Predict, GetModelMetadata and GetModelStatus.

Source: https://github.com/tensorflow/serving, tensorflow_serving/apis/prediction_service.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from seatrial.adapters.grpc.calls import Misformed, PlaneCalls, Service, model_path
from seatrial.adapters.grpc.tfserving_messages import (
    AVAILABLE,
    MODEL,
    PACKAGE,
    PREDICTION,
    messages,
)
from seatrial.adapters.grpc.tfserving_tensors import NUMBERS, fields_of, raw_tensor
from seatrial.serving.codec.tensor import to_bytes
from seatrial.serving.codec.tftext import SIGNATURE_NAME
from seatrial.serving.codec.v2 import Infer, Tensor, Wanted

_FIELD: Final = "signature_def"


class TfServing:
    """Answers the services.

    Args:
        calls: to the data plane.
        max_bytes: that the values of one tensor may take.
    """

    def __init__(self, calls: PlaneCalls, *, max_bytes: int) -> None:
        self._calls, self._messages, self._max_bytes = calls, messages(), max_bytes

    def services(self) -> Iterator[Service]:
        """Those that are answered."""
        made = self._messages
        yield Service(
            PREDICTION,
            {
                "Predict": (made["PredictRequest"], self._predict),
                "GetModelMetadata": (made["GetModelMetadataRequest"], self._metadata),
            },
        )
        yield Service(MODEL, {"GetModelStatus": (made["GetModelStatusRequest"], self._status)})

    async def _predict(self, request: Any, context: Any) -> Any:
        spec = request.model_spec
        path = model_path(spec.name, _version(spec))
        if spec.signature_name not in ("", SIGNATURE_NAME):
            raise Misformed(
                f"The model has no signature {spec.signature_name[:100]!r}. Leave signature_name "
                f"out or send {SIGNATURE_NAME!r}."
            )
        tensors = [
            raw_tensor(name, tensor, max_bytes=self._max_bytes)
            for name, tensor in request.inputs.items()
        ]
        message = Infer(
            [Tensor(**described, data=part) for described, part in tensors],
            outputs=[Wanted(name) for name in request.output_filter] or None,
        )
        reply = await self._calls.infer(path, message, context)
        outputs = {
            t.name: self._messages["Tensor"](
                **fields_of(t.datatype, list(t.values.shape), to_bytes(t.values))
            )
            for t in reply.tensors
        }
        return self._messages["PredictResponse"](
            outputs=outputs,
            model_spec=self._spec(reply.model, str(reply.version), SIGNATURE_NAME),
        )

    async def _metadata(self, request: Any, context: Any) -> Any:
        if list(request.metadata_field) != [_FIELD]:
            asked = ", ".join(request.metadata_field)[:100] or "none"
            raise Misformed(f"The metadata asked for is {asked}. Ask for {_FIELD!r}.")
        record = await self._calls.document(_v1(request.model_spec) + "/metadata", context)
        made, spec = self._messages, record["model_spec"]
        defined = {
            name: made["SignatureDef"](
                inputs=self._infos(signature["inputs"]),
                outputs=self._infos(signature["outputs"]),
                method_name=signature["method_name"],
            )
            for name, signature in record["metadata"][_FIELD][_FIELD].items()
        }
        packed = made["Any"](
            type_url=f"type.googleapis.com/{PACKAGE}.SignatureDefMap",
            value=made["SignatureDefMap"](signature_def=defined).SerializeToString(),
        )
        return made["GetModelMetadataResponse"](
            model_spec=self._spec(spec["name"], spec["version"]), metadata={_FIELD: packed}
        )

    async def _status(self, request: Any, context: Any) -> Any:
        record = await self._calls.document(_v1(request.model_spec), context)
        status = self._messages["Status"]()
        return self._messages["GetModelStatusResponse"](
            model_version_status=[
                {"version": int(one["version"]), "state": AVAILABLE, "status": status}
                for one in record["model_version_status"]
            ]
        )

    def _infos(self, tensors: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._messages["TensorInfo"](
                name=tensor["name"],
                dtype=NUMBERS[tensor["dtype"]],
                tensor_shape={
                    "dim": [{"size": int(d["size"])} for d in tensor["tensor_shape"]["dim"]]
                },
            )
            for name, tensor in tensors.items()
        }

    def _spec(self, name: str, version: str, signature: str = "") -> Any:
        return self._messages["ModelSpec"](
            name=name, version={"value": int(version)}, signature_name=signature
        )


def _v1(spec: Any) -> str:
    return model_path(spec.name, _version(spec), root="/v1")


def _version(spec: Any) -> str:
    """The version a call names; none where it leaves that to the split."""
    if spec.version_label:
        raise Misformed(
            f"Versions have no labels here, such as {spec.version_label[:100]!r}. Name a version, "
            "or none: then the split decides."
        )
    return str(spec.version.value) if spec.HasField("version") else ""
