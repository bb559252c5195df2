"""What every protocol of prediction has in common, and what they share.

A dialect reads a body before anybody knows which version answers; a codec, made per version, turns
it into a batch of that version's signature and the prediction into a reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
from numpy.typing import NDArray

from seatrial.registry.signature import Batch, Output, Prediction
from seatrial.serving.exchange import BadOutput, Reply, Request, shown
from seatrial.serving.validate import Contract

KEY_FIELD = "seatrial_key"
"""The request parameter that may carry the sticky key."""

_SAFE = frozenset({"ff", "ii", "ui", "UO", "SO"})
"""Kinds of numpy dtypes that an output may be converted between."""


class Model(msgspec.Struct, frozen=True, eq=False):
    """One version as codecs know it."""

    name: str
    version: int
    contract: Contract


class Ask(Protocol):
    """A body that was read but not yet fitted to a signature."""

    @property
    def key(self) -> bytes | None:
        """The sticky key, when the body carries one."""
        ...

    @property
    def timeout_s(self) -> float | None:
        """How long the client waits, when the body says so; > 0."""
        ...

    @property
    def rows(self) -> list[Any] | None:
        """The rows of the body, where they may be objects: to be completed in place."""
        ...


A_contra = TypeVar("A_contra", contravariant=True)
B = TypeVar("B")


class Codec(Protocol[A_contra]):
    """Reads and answers the requests of one dialect for one version."""

    def batch(self, ask: A_contra) -> Batch:
        """The rows to predict.   Raises: BadInput."""
        ...

    def reply(self, ask: A_contra, prediction: Prediction, n: int) -> Reply:
        """The answer for ``n`` rows.   Raises: BadOutput."""
        ...


class Dialect(Protocol[B]):
    """One protocol."""

    def parse(self, request: Request) -> B:
        """The body; ``request.body`` is decompressed.   Raises: BadInput, UnsupportedMedia."""
        ...

    def codec(self, model: Model) -> Codec[B]:
        """The codec of one version."""
        ...


def sticky_key(parameters: Mapping[str, Any] | None) -> bytes | None:
    """The sticky key among the parameters of a request."""
    key = parameters.get(KEY_FIELD) if parameters else None
    if isinstance(key, str):
        return key.encode()
    return str(key).encode() if type(key) is int else None


def version_header(model: Model) -> tuple[tuple[bytes, bytes], ...]:
    """The reply header that says which version answered."""
    return ((b"x-seatrial-version", str(model.version).encode()),)


class Answer:
    """One output as the signature promises it, made ready for checking predictions.

    Values need no second look: a `LiveVersion` lets no NaN out.
    """

    __slots__ = ("_dtype", "_row", "_size", "name", "output")

    def __init__(self, output: Output) -> None:
        self.output = output
        self.name = output.name
        self._row = output.row_shape
        self._size = output.width or 1
        self._dtype = output.dtype.numpy

    def of(self, prediction: Prediction, n: int) -> NDArray[Any]:
        """The output's n rows, (n, *row_shape).   Raises: BadOutput."""
        array = prediction.get(self.name)
        if array is None:
            raise self._bad("is missing")
        shape = (n, *self._row)
        if array.shape != shape:
            if array.size != n * self._size or len(array) != n:
                raise self._bad(f"has shape {array.shape}, not {shape}")
            array = array.reshape(shape)
        if array.dtype != self._dtype:
            if array.dtype.kind + self._dtype.kind not in _SAFE:
                raise self._bad(f"has dtype {array.dtype}, not {self.output.dtype}")
            array = array.astype(self._dtype)
        return array

    def _bad(self, problem: str) -> BadOutput:
        return BadOutput(
            f"The model's output {shown(self.name)} {problem}.",
            remedy="Roll back to a version whose outputs keep to its signature.",
            output=self.name,
        )


def records(answers: Sequence[Answer], prediction: Prediction, n: int) -> list[object]:
    """Answers row by row: bare values of a single output, else objects by output."""
    lists = [answer.of(prediction, n).tolist() for answer in answers]
    if len(lists) == 1:
        return list(lists[0])
    names = [answer.name for answer in answers]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]
