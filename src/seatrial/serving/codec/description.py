"""Documents that describe models: OIP metadata, Triton's model config, TF Serving's status."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.registry.signature import Dtype, Output, Signature
from seatrial.serving.codec.tftext import SIGNATURE_NAME

MATRIX = "input"
"""The name of the one tensor of a matrix signature; any other name is accepted too."""

DATATYPE_OF = {
    Dtype.FLOAT32: "FP32",
    Dtype.FLOAT64: "FP64",
    Dtype.INT64: "INT64",
    Dtype.FLOAT16: "FP16",
    Dtype.INT8: "INT8",
    Dtype.INT16: "INT16",
    Dtype.UINT8: "UINT8",
    Dtype.UINT16: "UINT16",
    Dtype.BOOL: "BOOL",
    Dtype.STRING: "BYTES",
}
"""The protocol's word for each dtype of a signature."""

TF_DATATYPE_OF = {
    Dtype.FLOAT32: "DT_FLOAT",
    Dtype.FLOAT64: "DT_DOUBLE",
    Dtype.INT64: "DT_INT64",
    Dtype.FLOAT16: "DT_HALF",
    Dtype.INT8: "DT_INT8",
    Dtype.INT16: "DT_INT16",
    Dtype.UINT8: "DT_UINT8",
    Dtype.UINT16: "DT_UINT16",
    Dtype.BOOL: "DT_BOOL",
    Dtype.STRING: "DT_STRING",
}
"""TensorFlow's word for each dtype of a signature."""

_TF_WORD = {word: TF_DATATYPE_OF[dtype] for dtype, word in DATATYPE_OF.items()}
_TRITON_TYPES = {"BYTES": "TYPE_STRING"}


def server_metadata(version: str) -> dict[str, object]:
    """OIP's server metadata."""
    return {
        "name": "seatrial",
        "version": version,
        "extensions": ["binary_tensor_data", "model_repository"],
    }


def model_metadata(name: str, versions: Sequence[int], signature: Signature) -> dict[str, object]:
    """OIP's model metadata."""
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": "seatrial_bundle",
        "inputs": inputs(signature),
        "outputs": [output(o) for o in signature.outputs],
    }


def inputs(signature: Signature) -> list[dict[str, object]]:
    """The input tensors: one matrix, or one tensor per feature."""
    if signature.matrix:
        datatype = DATATYPE_OF[signature.features[0].dtype]
        return [{"name": MATRIX, "datatype": datatype, "shape": [-1, len(signature.features)]}]
    return [
        {"name": f.name, "datatype": DATATYPE_OF[f.dtype], "shape": [-1, *f.shape]}
        for f in signature.features
    ]


def output(promised: Output) -> dict[str, object]:
    """One output tensor."""
    shape = [-1, *promised.row_shape]
    return {"name": promised.name, "datatype": DATATYPE_OF[promised.dtype], "shape": shape}


def model_config(name: str, signature: Signature) -> dict[str, object]:
    """Triton's model configuration, as far as it means something here."""
    return {
        "name": name,
        "platform": "seatrial_bundle",
        "backend": "seatrial",
        "max_batch_size": 0,
        "input": [_triton(tensor) for tensor in inputs(signature)],
        "output": [_triton(output(o)) for o in signature.outputs],
    }


def _triton(tensor: dict[str, object]) -> dict[str, object]:
    datatype = str(tensor["datatype"])
    data_type = _TRITON_TYPES.get(datatype, f"TYPE_{datatype}")
    return {"name": tensor["name"], "data_type": data_type, "dims": tensor["shape"]}


def repository_index(models: Sequence[tuple[str, Sequence[int]]]) -> list[dict[str, object]]:
    """The model repository extension's index: a line per loaded version."""
    return [
        {"name": name, "version": str(version), "state": "READY", "reason": ""}
        for name, versions in models
        for version in versions
    ]


def model_status(versions: Sequence[int]) -> dict[str, object]:
    """TF Serving's model version status."""
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
            for version in versions
        ]
    }


def signatures(name: str, version: int, signature: Signature) -> dict[str, object]:
    """TF Serving's model metadata: the one signature that every model has."""
    defined = {
        "inputs": {str(tensor["name"]): _tensor_info(tensor) for tensor in inputs(signature)},
        "outputs": {o.name: _tensor_info(output(o)) for o in signature.outputs},
        "method_name": "tensorflow/serving/predict",
        "defaults": {},
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE_NAME: defined}}},
    }


def _tensor_info(tensor: dict[str, object]) -> dict[str, object]:
    shape = tensor["shape"]
    assert isinstance(shape, list)
    dim = [{"size": str(size), "name": ""} for size in shape]
    return {
        "dtype": _TF_WORD[str(tensor["datatype"])],
        "tensor_shape": {"dim": dim, "unknown_rank": False},
        "name": tensor["name"],
    }


def scored(signature: Signature) -> Output | None:
    """The output that holds a score for each class; None where a model classifies nothing."""
    return next((o for o in signature.outputs if o.classes is not None), None)


def regressed(signature: Signature) -> Output | None:
    """The one number a model predicts; None where it predicts no such thing."""
    (first, *more) = signature.outputs
    return first if not more and first.width is None and first.dtype.numeric else None
