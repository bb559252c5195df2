"""How a version's batches go to a server's tensors and back: agreed when it is loaded. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Column, Dtype, Feature, Output, Prediction, Signature
from seatrial.serving.codec.tensor import DATATYPES
from seatrial.serving.failures import EngineMismatch, EngineNonsense
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec


@dataclass(frozen=True, slots=True)
class _Input:
    """A tensor to send: all features, where ``feature`` is None, else one."""

    spec: TensorSpec
    feature: str | None


@dataclass(frozen=True, slots=True)
class Wires:
    """The tensors of one model on one server, fitted to a version's signature."""

    inputs: tuple[_Input, ...]
    outputs: tuple[Output, ...]
    name: str

    @property
    def wanted(self) -> list[str]:
        """The outputs to ask for."""
        return [output.name for output in self.outputs]

    def tensors(self, batch: Batch) -> list[Tensor]:
        """What to send for a batch that fits the signature."""
        return [_tensor(wire, batch) for wire in self.inputs]

    def prediction(self, answers: dict[str, NDArray[Any]], n: int) -> Prediction:
        """The prediction for ``n`` rows.   Raises: EngineNonsense."""
        return {o.name: self._output(o, answers.get(o.name), n) for o in self.outputs}

    def _output(self, output: Output, values: NDArray[Any] | None, n: int) -> Column:
        if values is None:
            raise self._nonsense(f"holds no {output.name!r}")
        shape = (n, *output.row_shape)
        if values.size != np.prod(shape, dtype=np.int64):
            raise self._nonsense(
                f"has the shape {list(values.shape)} for {output.name!r}, not {list(shape)}"
            )
        if not _fits(values.dtype, output.dtype.numpy, "same_kind"):
            raise self._nonsense(f"has {values.dtype} values for {output.name!r}")
        with np.errstate(over="ignore"):
            return values.reshape(shape).astype(output.dtype.numpy, copy=False)

    def _nonsense(self, what: str) -> EngineNonsense:
        return EngineNonsense(
            f"The answer of model {self.name!r} {what}.",
            remedy="See which model the server holds under that name.",
        )


def fit(name: str, signature: Signature, described: ModelMetadata) -> Wires:
    """Agree on tensors.

    Args:
        name: of the server's model.
        described: as the server describes it.
    Raises: EngineMismatch: with what differs.
    """
    if signature.matrix and len(described.inputs) == 1:
        row = (len(signature.features),)
        inputs = [_Input(_checked(name, described.inputs[0], signature.features[0], row), None)]
    else:
        inputs = _columns(name, signature.features, described.inputs)
    answered = {spec.name: spec for spec in described.outputs}
    for output in signature.outputs:
        spec = answered.get(output.name)
        if spec is None:
            raise _mismatch(name, f"answers no {output.name!r}")
        if not _fits(_dtype(name, spec), output.dtype.numpy, "same_kind"):
            raise _mismatch(name, f"answers {output.name!r} as {spec.datatype}, not {output.dtype}")
        if not _holds(spec, output.row_shape):
            raise _mismatch(name, f"answers {output.name!r} in the shape {list(spec.shape)}")
    return Wires(tuple(inputs), signature.outputs, name)


def _columns(name: str, features: Sequence[Feature], specs: Sequence[TensorSpec]) -> list[_Input]:
    by_name = {spec.name: spec for spec in specs}
    if unknown := sorted(by_name.keys() - {feature.name for feature in features}):
        raise _mismatch(name, f"wants a tensor {unknown[0]!r}")
    if missing := [f.name for f in features if f.name not in by_name]:
        raise _mismatch(name, f"takes no feature {missing[0]!r}")
    return [_Input(_checked(name, by_name[f.name], f, f.shape), f.name) for f in features]


def _checked(name: str, spec: TensorSpec, feature: Feature, row: tuple[int, ...]) -> TensorSpec:
    """The spec, if values of the feature's dtype go there unharmed."""
    if not _fits(feature.dtype.numpy, _dtype(name, spec), "safe"):
        raise _mismatch(name, f"takes {spec.name!r} as {spec.datatype}, not {feature.dtype}")
    if not _holds(spec, row):
        wanted = [-1, *(row or (1,))]
        raise _mismatch(name, f"takes {spec.name!r} in the shape {list(spec.shape)}, not {wanted}")
    return spec


def _holds(spec: TensorSpec, row: tuple[int, ...]) -> bool:
    """Whether a tensor holds any number of rows of the shape; one value may stand in a list."""
    rows, *rest = spec.shape or (0,)
    sizes = row or (1,)
    exact = len(rest) == len(sizes) and all(a in (-1, b) for a, b in zip(rest, sizes, strict=True))
    return rows == -1 and (exact or (not rest and sizes == (1,)))


def _dtype(name: str, spec: TensorSpec) -> np.dtype[Any]:
    dtype = DATATYPES.get(spec.datatype)
    if dtype is None:
        raise _mismatch(name, f"has a tensor {spec.name!r} of the datatype {spec.datatype!r}")
    return dtype


def _fits(given: np.dtype[Any], wanted: np.dtype[Any], casting: Any) -> bool:
    if given.kind == "O" or wanted.kind == "O":
        return given.kind == wanted.kind
    return np.can_cast(given, wanted, casting)


def _mismatch(name: str, what: str) -> EngineMismatch:
    return EngineMismatch(
        f"The model {name!r} on the server {what}, unlike the signature of the bundle.",
        remedy="See which model the server holds under that name, or give it another name by "
        "engines.<name>.model.",
        model=name,
    )


def _tensor(wire: _Input, batch: Batch) -> Tensor:
    spec = wire.spec
    if wire.feature is None:
        assert not isinstance(batch, dict)
        values: NDArray[Any] = batch
    else:
        values = _column(batch, wire.feature)
    if values.dtype.kind != "O":
        values = values.astype(DATATYPES[spec.datatype], copy=False)
    if len(spec.shape) != values.ndim:
        values = values.reshape((len(values), -1) if len(spec.shape) > 1 else (len(values),))
    return Tensor(name=spec.name, datatype=spec.datatype, values=values)


def _column(batch: Batch, feature: str) -> NDArray[Any]:
    assert isinstance(batch, dict)
    column = batch[feature]
    if column.dtype.kind != "O":
        return column
    texts = np.empty(len(column), Dtype.STRING.numpy)
    texts[:] = ["" if text is None else text for text in column]  # as the graph is given it here
    return texts
