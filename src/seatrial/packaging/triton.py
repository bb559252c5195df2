"""A model folder of NVIDIA Triton's repository, from a bundle's graph and what was measured.

Two forms: a program for the Python backend that runs the graph by ONNX Runtime, for servers that
have no other backend; and the graph for Triton's own ONNX Runtime backend. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from seatrial.kernel.errors import Invalid
from seatrial.packaging.plan import MAX_PIECE_ROWS
from seatrial.registry.signature import Signature
from seatrial.serving.codec.description import DATATYPE_OF, MATRIX
from seatrial.serving.engine import EnginePlan
from seatrial.serving.oip import TensorSpec

MARK = "seatrial.json"
"""Lies in a model folder that seatrial wrote: whose it is."""

_VERSION = "1"
"""Of Triton's: each version of ours is a model of its own, for versions share a configuration."""


class GraphUnfit(Invalid):
    """The bundle cannot be given to a server elsewhere in the form that was asked for."""

    code = "triton.graph_unfit"


class Backend(StrEnum):
    """What runs the graph in Triton."""

    PYTHON = "python"
    ONNXRUNTIME = "onnxruntime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """An ONNX graph.

    Args:
        content: of the file.
        inputs: as the graph names them; datatypes are the protocol's words.
        outputs: the same.
        feature_of: the feature each input takes, by the input's name; empty for a matrix.
        alone: whether rows have to run one by one.
    """

    content: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    feature_of: Mapping[str, str]
    alone: bool = False

    def fed(self, signature: Signature) -> list[str]:
        """The input that takes each feature, or the matrix; empty for one it does not look at."""
        if signature.matrix:
            return [self.inputs[0].name]
        by_feature = {self.feature_of.get(i.name, i.name): i.name for i in self.inputs}
        return [by_feature.get(f.name, "") for f in signature.features]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Whose model a folder of a repository is.

    Args:
        home: of the workspace that put it there.
        endpoint, version, digest: what it is of.
    """

    home: str
    endpoint: str
    version: int
    digest: str

    def as_json(self) -> bytes:
        """The bytes of the file `MARK`."""
        record = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(record, indent=1).encode() + b"\n"

    @classmethod
    def of(cls, text: bytes) -> Mark | None:
        """The mark in a file; None where it holds none."""
        try:
            record = json.loads(text)
            return cls(**record) if isinstance(record["version"], int) else None
        except (ValueError, TypeError, KeyError):
            return None


def model_files(
    name: str, signature: Signature, plan: EnginePlan, graph: Graph, *, backend: Backend, mark: Mark
) -> dict[str, bytes]:
    """The files of a model folder, by their path in it.

    Args:
        name: the folder's, and the model's.
        plan: what was measured.
    Raises: GraphUnfit.
    """
    files = {f"{_VERSION}/model.onnx": graph.content, MARK: mark.as_json()}
    if backend is Backend.PYTHON:
        program = resources.files("seatrial.adapters.serving").joinpath("triton_model.py")
        files[f"{_VERSION}/model.py"] = program.read_bytes()
        lines = _python(signature, graph)
    else:
        lines = _onnxruntime(signature, graph)
    config = [
        f"# {mark.endpoint} version {mark.version}, written by seatrial.",
        f"name: {quoted(name)}",
        *lines,
        f"max_batch_size: {MAX_PIECE_ROWS}",
        *_batching(plan, graph),
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
    ]
    return {"config.pbtxt": "\n".join(config).encode() + b"\n", **files}


def quoted(text: str) -> str:
    """A string of protobuf's text format, in ASCII.

    Source: https://protobuf.dev/reference/protobuf/textformat-spec/#string
    """
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in "\"\\'" else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{escaped}"'


def _python(signature: Signature, graph: Graph) -> list[str]:
    if signature.matrix:
        datatype = DATATYPE_OF[signature.features[0].dtype]
        inputs = [_tensor(MATRIX, datatype, (len(signature.features),))]
    else:
        inputs = [_tensor(f.name, DATATYPE_OF[f.dtype], f.shape) for f in signature.features]
    outputs = [_tensor(o.name, DATATYPE_OF[o.dtype], o.row_shape) for o in signature.outputs]
    value = quoted(json.dumps(graph.fed(signature)))
    return [
        f'backend: "{Backend.PYTHON}"',
        *_tensors("input", inputs),
        *_tensors("output", outputs),
        f'parameters {{ key: "seatrial_graph_inputs" value {{ string_value: {value} }} }}',
        f'parameters {{ key: "seatrial_alone" value {{ string_value: "{int(graph.alone)}" }} }}',
    ]


def _onnxruntime(signature: Signature, graph: Graph) -> list[str]:
    if graph.alone:
        raise GraphUnfit(
            "A row's answer depends on those beside it in this graph, as dynamically quantised "
            "weights make it, and Triton's ONNX Runtime backend runs a request's rows together.",
            remedy="Set engines.<name>.backend to python, which runs them one by one.",
        )
    names = [i.name for i in graph.inputs]
    if not signature.matrix and sorted(names) != sorted(signature.names):
        raise GraphUnfit(
            "The graph does not take every feature under its own name, and Triton's ONNX Runtime "
            "backend has no other.",
            remedy="Set engines.<name>.backend to python.",
        )
    taken = {f.name: f.shape for f in signature.features}
    given = {o.name: o.row_shape for o in signature.outputs}
    matrix = (len(signature.features),) if signature.matrix else None
    inputs = [_tensor(i.name, i.datatype, matrix or taken[i.name]) for i in graph.inputs]
    outputs = [
        _tensor(o.name, o.datatype, given[o.name], flat=len(o.shape) == 1)
        for o in graph.outputs
        if o.name in given
    ]
    return [
        'platform: "onnxruntime_onnx"',
        *_tensors("input", inputs),
        *_tensors("output", outputs),
    ]


def _tensor(name: str, datatype: str, row: Sequence[int], *, flat: bool = False) -> str:
    """A tensor whose rows have the shape ``row``; of one that is ``flat``, the graph's have none.

    Triton wants a size of one where a row has one value.
    """
    data_type = "TYPE_STRING" if datatype == "BYTES" else f"TYPE_{datatype}"
    sizes = ", ".join(map(str, row or (1,)))
    reshaped = " reshape { shape: [ ] }" if flat else ""
    return f"  {{ name: {quoted(name)} data_type: {data_type} dims: [ {sizes} ]{reshaped} }}"


def _tensors(kind: str, tensors: Sequence[str]) -> list[str]:
    return [f"{kind} [", ",\n".join(tensors), "]"]


def _batching(plan: EnginePlan, graph: Graph) -> list[str]:
    """Batches as large as still made a row cheaper, waited for as long as that paid."""
    if graph.alone:
        return ["# Nothing waits for a batch: the graph scales by it, and its rows run one by one."]
    preferred = min(plan.max_batch_rows, MAX_PIECE_ROWS)
    return [
        "# Batches are those that paid where the model was packaged.",
        "dynamic_batching {",
        *([f"  preferred_batch_size: [ {preferred} ]"] if preferred > 1 else []),
        f"  max_queue_delay_microseconds: {round(plan.linger_s * 1e6)}",
        "}",
    ]
