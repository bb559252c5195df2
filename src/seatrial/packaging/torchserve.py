"""A model archive for TorchServe: a graph, what it takes, and the program that asks it.

The archive runs by ONNX Runtime in TorchServe's own Python; nothing of ours is needed there. Pure.
Source: https://github.com/pytorch/serve/blob/master/model-archiver/README.md.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from importlib import resources
from io import BytesIO
from typing import Final

from seatrial.packaging.triton import Graph
from seatrial.registry.mar_file import MANIFEST
from seatrial.registry.signature import Dtype, Signature
from seatrial.serving.codec.description import DATATYPE_OF, MATRIX

CONFIG: Final = "config.properties"
"""The file of a server, beside the archives it loads."""

_HANDLER: Final = "seatrial_handler.py"
_MODEL: Final = "model.onnx"
_TOLD: Final = "signature.json"
_ALWAYS: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every file: the same graph makes the same archive."""


def model_files(name: str, signature: Signature, graph: Graph) -> dict[str, bytes]:
    """The files of a model, by their path; TorchServe reads them from a folder too."""
    manifest = {
        "runtime": "python",
        "model": {
            "modelName": name,
            "modelVersion": "1.0",
            "serializedFile": _MODEL,
            "handler": _HANDLER,
        },
        "archiverVersion": "0.12.0",
    }
    program = resources.files("seatrial.adapters.serving").joinpath("torchserve_model.py")
    return {
        MANIFEST: _json(manifest),
        _TOLD: _json(_told(signature, graph)),
        _HANDLER: program.read_bytes(),
        _MODEL: graph.content,
    }


def model_archive(name: str, signature: Signature, graph: Graph) -> bytes:
    """The content of ``NAME.mar``."""
    files = model_files(name, signature, graph)
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _ALWAYS)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def server_config(archive: str) -> bytes:
    """A server's configuration that loads one archive, on loopback and off seatrial's own port."""
    lines = (
        "# Written by seatrial. torchserve --start --foreground --ncs --model-store . --ts-config "
        f"{CONFIG}",
        "inference_address=http://127.0.0.1:8085",
        "management_address=http://127.0.0.1:8086",
        "metrics_address=http://127.0.0.1:8087",
        "grpc_inference_port=7085",
        "grpc_management_port=7086",
        f"load_models={archive}",
        "default_workers_per_model=1",
    )
    return "\n".join(lines).encode() + b"\n"


def _told(signature: Signature, graph: Graph) -> dict[str, object]:
    """What the program needs to know."""
    return {
        "matrix": signature.matrix,
        "graph_inputs": graph.fed(signature),
        "alone": graph.alone,
        "described": _described(signature),
        "features": [
            {"name": f.name, "dtype": f.dtype, "shape": f.shape, "nullable": f.nullable}
            for f in signature.features
        ],
        "outputs": [
            {"name": o.name, "dtype": o.dtype, "shape": o.row_shape} for o in signature.outputs
        ],
    }


def _described(signature: Signature) -> dict[str, object]:
    """What the program says of its model, in the words of the Open Inference Protocol."""
    features = signature.features
    inputs = [_spec(f.name, f.dtype, f.shape) for f in features]
    if signature.matrix:
        inputs = [_spec(MATRIX, features[0].dtype, (len(features),))]
    outputs = [_spec(o.name, o.dtype, o.row_shape) for o in signature.outputs]
    return {"inputs": inputs, "outputs": outputs}


def _spec(name: str, dtype: Dtype, shape: Sequence[int]) -> dict[str, object]:
    return {"name": name, "datatype": DATATYPE_OF[dtype], "shape": [-1, *shape]}


def _json(record: object) -> bytes:
    return json.dumps(record, indent=1).encode() + b"\n"
