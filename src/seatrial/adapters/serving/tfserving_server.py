"""A TensorFlow Serving elsewhere, over REST or gRPC; its models are there already.

A model is named ``churn``, which is the newest version there, or ``churn/2``. What it loads and
unloads its own list of models says, which is whole, so no model of it is loaded from here.
Source: https://www.tensorflow.org/tfx/serving/api_rest, and predict.proto, get_model_metadata.proto
and get_model_status.proto of https://github.com/tensorflow/serving.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
from numpy.typing import NDArray

from seatrial.adapters.grpc.calls import Misformed
from seatrial.adapters.grpc.tfserving_messages import AVAILABLE, MODEL, PREDICTION, messages
from seatrial.adapters.grpc.tfserving_tensors import TF_WORDS, WORDS, fields_of, raw_tensor
from seatrial.adapters.serving import tensor_columns
from seatrial.adapters.serving.engine_grpc import EngineGrpc
from seatrial.adapters.serving.engine_http import EngineHttp
from seatrial.kernel.errors import SeatrialError
from seatrial.serving.codec.tensor import dtype_of, from_bytes, to_bytes
from seatrial.serving.codec.tftext import SIGNATURE_NAME
from seatrial.serving.failures import EngineRefused
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec

_PROTOCOL: Final = "TensorFlow Serving"
_FIELD: Final = "signature_def"
_MOST_BYTES: Final = 256 * 2**20


class ListedModels:
    """The half of `serving.oip.OipServer` that a server with a list of models has not."""

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        del timeout_s
        raise EngineRefused(
            f"TensorFlow Serving loads {model!r} by its own models.config.",
            remedy="Put the model there: seatrial export --to tf-serving.",
        )

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        del timeout_s
        raise EngineRefused(
            f"TensorFlow Serving unloads {model!r} by its own models.config.",
            remedy="Take the version out of models.config.",
        )


class _Dim(msgspec.Struct):
    size: int | str = 0


class _Shape(msgspec.Struct):
    dim: list[_Dim] = []
    unknown_rank: bool = False


class _Tensor(msgspec.Struct):
    dtype: str
    tensor_shape: _Shape


class _Signature(msgspec.Struct):
    inputs: dict[str, _Tensor]
    outputs: dict[str, _Tensor]


class _Signatures(msgspec.Struct):
    signature_def: dict[str, Any]


class _Defined(msgspec.Struct):
    signature_def: _Signatures


class _Metadata(msgspec.Struct):
    metadata: _Defined


class _State(msgspec.Struct):
    state: str


class _Status(msgspec.Struct):
    model_version_status: list[_State]


class TfServingHttp(ListedModels):
    """See `serving.oip.OipServer`.

    Args:
        url: http or https.
        connect_s: for a connection to stand, > 0.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float) -> None:
        self._http = EngineHttp(url, connect_s=connect_s, protocol=_PROTOCOL)
        self._outputs: dict[str, tuple[str, ...]] = {}

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        body = await self._http.known("GET", _path(model), timeout_s)
        if body is None:
            return False
        found = self._http.read(body, _Status).model_version_status
        return any(version.state == "AVAILABLE" for version in found)

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        body = await self._http.good("GET", f"{_path(model)}/metadata", timeout_s)
        defined = self._http.read(body, _Metadata).metadata.signature_def.signature_def
        try:
            signature = msgspec.convert(defined.get(SIGNATURE_NAME), _Signature)
            described = ModelMetadata(
                inputs=_described(signature.inputs), outputs=_described(signature.outputs)
            )
        except (msgspec.ValidationError, ValueError) as problem:
            raise self._http.nonsense(f"no {SIGNATURE_NAME} of {model!r}: {problem}") from problem
        self._outputs[model] = tuple(spec.name for spec in described.outputs)
        return described

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """See `OipServer`."""
        if model not in self._outputs:
            await self.metadata(model, timeout_s)
        return await tensor_columns.infer(
            self._http,
            f"{_path(model)}:predict",
            inputs,
            described=self._outputs[model],
            wanted=outputs,
            timeout_s=timeout_s,
        )

    async def close(self) -> None:
        """See `OipServer`."""
        await self._http.close()


class TfServingGrpc(ListedModels):
    """See `serving.oip.OipServer`.

    Args:
        url: grpc or grpcs, with host and port.
        connect_s: for a connection to stand, > 0.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, connect_s: float) -> None:
        self._grpc = EngineGrpc(url, connect_s=connect_s, protocol=_PROTOCOL)
        self._messages = messages()

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        try:
            found = await self._ask(f"{MODEL}/GetModelStatus", model, timeout_s)
        except EngineRefused as refused:
            if refused.facts.get("status") == "NOT_FOUND":
                return False
            raise
        return any(version.state == AVAILABLE for version in found.model_version_status)

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        method = f"{PREDICTION}/GetModelMetadata"
        found = await self._ask(method, model, timeout_s, metadata_field=[_FIELD])
        packed = found.metadata[_FIELD].value
        try:
            defined = self._messages["SignatureDefMap"].FromString(packed).signature_def
            if SIGNATURE_NAME not in defined:
                raise ValueError("it has no such signature")
            signature = defined[SIGNATURE_NAME]
            return ModelMetadata(inputs=specs(signature.inputs), outputs=specs(signature.outputs))
        except (ValueError, self._grpc.broken) as problem:
            raise self._grpc.nonsense(f"no {SIGNATURE_NAME} of {model!r}: {problem}") from problem

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """See `OipServer`."""
        given = {
            t.name: fields_of(t.datatype, list(t.values.shape), to_bytes(t.values)) for t in inputs
        }
        found = await self._ask(
            f"{PREDICTION}/Predict", model, timeout_s, inputs=given, output_filter=outputs
        )
        try:
            return {name: _array(name, tensor) for name, tensor in found.outputs.items()}
        except (Misformed, SeatrialError, ValueError) as problem:
            raise self._grpc.nonsense(str(problem)) from problem

    async def close(self) -> None:
        """See `OipServer`."""
        await self._grpc.close()

    async def _ask(self, method: str, model: str, timeout_s: float, **fields: Any) -> Any:
        name, version = _named(model)
        spec: dict[str, Any] = {"name": name}
        if version:
            spec["version"] = {"value": int(version)}
        kind = method.rpartition("/")[2]
        request = self._messages[f"{kind}Request"](model_spec=spec, **fields)
        reply = self._messages[f"{kind}Response"]
        return await self._grpc.call(method, request, reply, timeout_s)


def _named(model: str) -> tuple[str, str]:
    """A model's name, and the number of a version where one is named."""
    name, _, version = model.rpartition("/")
    return (name, version) if name and version.isascii() and version.isdigit() else (model, "")


def _path(model: str) -> str:
    name, version = _named(model)
    return f"/v1/models/{quote(name, safe='')}" + (f"/versions/{version}" if version else "")


def _described(tensors: Mapping[str, _Tensor]) -> tuple[TensorSpec, ...]:
    """Raises: ValueError."""
    return tuple(
        _spec(name, TF_WORDS.get(t.dtype, t.dtype), [int(dim.size) for dim in t.tensor_shape.dim])
        for name, t in sorted(tensors.items())
    )


def specs(tensors: Any) -> tuple[TensorSpec, ...]:
    """The tensors of one side of a signature's message, by name."""
    return tuple(
        _spec(
            name,
            WORDS.get(tensors[name].dtype, f"dtype {tensors[name].dtype}"),
            [dim.size for dim in tensors[name].tensor_shape.dim],
        )
        for name in sorted(tensors)
    )


def _spec(name: str, datatype: str, shape: Sequence[int]) -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=tuple(shape))


def _array(name: str, tensor: Any) -> NDArray[Any]:
    """Raises: Misformed, SeatrialError."""
    told, raw = raw_tensor(name, tensor, max_bytes=_MOST_BYTES)
    shape = told["shape"]
    dtype = dtype_of(told["datatype"], name)
    return from_bytes(memoryview(raw), dtype, math.prod(shape), name).reshape(shape)
