"""What a person wants a model written as, and what was written; `convert` does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from seatrial.kernel.errors import Invalid
from seatrial.packaging.parity import Parity
from seatrial.packaging.quantization import Quantized
from seatrial.packaging.source import Source
from seatrial.registry.signature import Signature


class Target(StrEnum):
    """The forms a model can be written in."""

    ONNX = "onnx"
    TORCHSCRIPT = "torchscript"
    MAR = "mar"
    """TorchServe's model archive, around an ONNX graph."""
    SAVED_MODEL = "savedmodel"
    TF_SERVING = "tf-serving"
    """A SavedModel as a version among TensorFlow Serving's models."""


class NoWay(Invalid):
    """The model cannot be written in the form asked for, or answers otherwise in it."""

    code = "export.no_way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a person wants written.

    Args:
        source: the model and the rows it is tried with.
        to: the form.
        output: the file to write, the folder of a SavedModel, or that of a server's models.
        code: of a state dict of PyTorch, what makes its module, ``module:callable``.
        int8: whether the weights of an ONNX graph become integers of 8 bits.
    """

    source: Source
    to: Target
    output: Path
    code: str | None = None
    int8: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What was written.

    Args:
        output: the file, or the folder of a SavedModel or of a version.
        n_bytes: its size.
        opset: operator set versions by domain; empty for another form than ONNX.
        signature: of the model.
        parity: the answers compared with the original's.
        quantized: what int8 costs and brings; None where it was not asked for.
    """

    output: Path
    n_bytes: int
    opset: Mapping[str, int]
    signature: Signature
    parity: Parity
    quantized: Quantized | None
