"""Servers elsewhere that speak the Open Inference Protocol v2: the port to them.

Source: https://github.com/kserve/open-inference-protocol; load and unload are Triton's model
repository extension. How a version's batches become tensors is `elsewhere`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One tensor as a server describes it.

    Args:
        name: of the tensor.
        datatype: the protocol's word, such as ``FP32``.
        shape: sizes, -1 for any; the first is that of the rows.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """A model as a server describes it."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor that is sent.

    Args:
        name: of the tensor.
        datatype: of the server; ``values`` have it already.
        values: of shape ``(n, ...)``; strings as objects of ``str``.
    """

    name: str
    datatype: str
    values: NDArray[Any]


class OipServer(Protocol):
    """A server elsewhere. Used on one event loop; every call ends within ``timeout_s`` seconds.

    Raises: EngineUnreachable, EngineTimeout, EngineRefused, EngineNonsense.
    """

    async def ready(self, model: str, timeout_s: float) -> bool:
        """Whether the server would answer for a model; False also where it knows none."""
        ...

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """What a model takes and answers."""
        ...

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """The outputs by name, all that were asked for, in the shapes that the server gave."""
        ...

    async def load(self, model: str, timeout_s: float) -> None:
        """Load a model of the server's repository, or load it again."""
        ...

    async def unload(self, model: str, timeout_s: float) -> None:
        """Unload a model; one that is not loaded is no error."""
        ...

    async def close(self) -> None:
        """Give the connections back; no call may follow."""
        ...
