"""A server of the Open Inference Protocol in memory, with the faults that a real one can have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec

MODEL = "words"


class Fault(Enum):
    """What is wrong with a server."""

    GONE = "nobody listens"
    SLOW = "it takes for ever"
    REFUSING = "it answers every request with an error"
    RAMBLING = "it answers what is no protocol"


DESCRIBED = ModelMetadata(
    inputs=(
        TensorSpec(name="x", datatype="FP64", shape=(-1, 2)),
        TensorSpec(name="word", datatype="BYTES", shape=(-1, 1)),
    ),
    outputs=(
        TensorSpec(name="total", datatype="FP64", shape=(-1,)),
        TensorSpec(name="long", datatype="BOOL", shape=(-1, 1)),
        TensorSpec(name="said", datatype="BYTES", shape=(-1,)),
    ),
)


def words(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The model `MODEL`: sums, and says words back."""
    x, word = tensors["x"].reshape(-1, 2), tensors["word"].reshape(-1)
    said = np.empty(len(word), object)
    said[:] = [f"{text}!" for text in word]
    return {
        "total": x.sum(axis=1),
        "long": np.array([[len(text) > 3] for text in word]),
        "said": said,
    }


@dataclass(slots=True)
class OipWorld:
    """What a server holds, and what is wrong with it; may be changed at any time.

    Args:
        models: what it knows, by name.
        described: how it describes each of them.
        loaded: the names of those that are ready.
        fault: None where nothing is wrong.
        loads: the names it was told to load, in order.
    """

    models: dict[str, Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]]] = field(
        default_factory=lambda: {MODEL: words}
    )
    described: ModelMetadata = DESCRIBED
    loaded: set[str] = field(default_factory=set)
    fault: Fault | None = None
    loads: list[str] = field(default_factory=list)


class MemoryOip:
    """An `OipServer` over a world."""

    def __init__(self, world: OipWorld) -> None:
        self.world = world
        self.closed = False

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        await self._reach(timeout_s, refuses=False)
        return model in self.world.loaded

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        await self._reach(timeout_s)
        self._known(model)
        return self.world.described

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """See `OipServer`."""
        await self._reach(timeout_s)
        self._known(model)
        answers = self.world.models[model]({t.name: t.values for t in inputs})
        return {name: answers[name] for name in outputs if name in answers}

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._reach(timeout_s)
        self.world.loads.append(model)
        if model not in self.world.models:
            raise EngineRefused(f"There is no model {model!r}.", remedy="Load another.")
        self.world.loaded.add(model)

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._reach(timeout_s)
        self.world.loaded.discard(model)

    async def close(self) -> None:
        """See `OipServer`."""
        self.closed = True

    def _known(self, model: str) -> None:
        if model not in self.world.loaded:
            raise EngineRefused(f"The model {model!r} is not loaded.", remedy="Load it.")

    async def _reach(self, timeout_s: float, *, refuses: bool = True) -> None:
        fault = self.world.fault
        if fault is Fault.GONE:
            raise EngineUnreachable("Nobody listens.", remedy="Start the server.")
        if fault is Fault.SLOW:
            await asyncio.sleep(timeout_s)
            raise EngineTimeout(f"No answer within {timeout_s:g} s.", remedy="Wait longer.")
        if fault is Fault.RAMBLING:
            raise EngineNonsense("That is no protocol.", remedy="Ask another server.")
        if fault is Fault.REFUSING and refuses:
            raise EngineRefused("The model failed.", remedy="See its log.")
