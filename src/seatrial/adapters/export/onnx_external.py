"""A graph whose weights lie in a file beside it, as one file, without holding them all twice.

Protobuf's own way of writing a message takes three times its size. But parts of a message written
one after the other are that message, so weights are appended one by one.
Source: https://protobuf.dev/programming-guides/encoding/#last-one-wins.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from onnx import GraphProto, ModelProto, TensorProto


def joined(skeleton: ModelProto, folder: Path) -> bytes:
    """The bytes of one file.

    Args:
        skeleton: the graph without its weights; they are taken out of it.
        folder: where the files of its weights lie.
    """
    weights = list(skeleton.graph.initializer)
    del skeleton.graph.initializer[:]
    whole = BytesIO()  # gives its bytes away without a copy
    whole.write(skeleton.SerializeToString(deterministic=True))
    for tensor in weights:
        part = GraphProto(initializer=[_inside(tensor, folder)])
        whole.write(ModelProto(graph=part).SerializeToString(deterministic=True))
    return whole.getvalue()


def _inside(tensor: TensorProto, folder: Path) -> TensorProto:
    """A tensor with its values in it."""
    if tensor.data_location != TensorProto.EXTERNAL:
        return tensor
    place = {entry.key: entry.value for entry in tensor.external_data}
    with (folder / place["location"]).open("rb") as file:
        file.seek(int(place.get("offset", 0)))
        values = file.read(int(place["length"]))
    return TensorProto(
        name=tensor.name, dims=tensor.dims, data_type=tensor.data_type, raw_data=values
    )
