"""A TorchServe elsewhere, with models whose handler is seatrial's own: see `torchserve_model`.

Models are asked at one address and managed at another. The handler describes its model to
TorchServe, so a bundle can be held against it.
Source: https://github.com/pytorch/serve, docs/inference_api.md and docs/management_api.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec
from numpy.typing import NDArray

from seatrial.adapters.serving import tensor_columns
from seatrial.adapters.serving.engine_http import EngineHttp
from seatrial.serving.failures import EngineTimeout
from seatrial.serving.oip import ModelMetadata, Tensor, TensorSpec

_LOOK_S: Final = 0.1


class _Worker(msgspec.Struct):
    status: str


class _Spec(msgspec.Struct):
    name: str
    datatype: str
    shape: list[int]


class _Told(msgspec.Struct):
    inputs: list[_Spec]
    outputs: list[_Spec]


class _Model(msgspec.Struct):
    workers: list[_Worker]
    customizedMetadata: Any = None  # noqa: N815 - TorchServe's word


class TorchServe:
    """See `serving.oip.OipServer`.

    Args:
        url: where models are asked.
        management: where they are registered.
        workers: processes for each model that is registered, >= 1.
        connect_s: for a connection to stand, > 0.
    Raises: MissingExtra.
    """

    def __init__(self, url: str, *, management: str, workers: int, connect_s: float) -> None:
        self._ask = EngineHttp(url, connect_s=connect_s, protocol="TorchServe of seatrial's")
        self._manage = EngineHttp(management, connect_s=connect_s, protocol="TorchServe's manager")
        self._workers = workers
        self._outputs: dict[str, tuple[str, ...]] = {}

    async def ready(self, model: str, timeout_s: float) -> bool:
        """See `OipServer`."""
        body = await self._manage.known("GET", _model(model), timeout_s)
        if body is None:
            return False
        found = self._manage.read(body, list[_Model])
        return any(worker.status == "READY" for one in found for worker in one.workers)

    async def metadata(self, model: str, timeout_s: float) -> ModelMetadata:
        """See `OipServer`."""
        body = await self._manage.good("GET", f"{_model(model)}?customized=true", timeout_s)
        found = self._manage.read(body, list[_Model])
        try:
            told = msgspec.convert(found[0].customizedMetadata if found else None, _Told)
        except msgspec.ValidationError as problem:
            raise self._manage.nonsense(f"it does not describe {model!r}: {problem}") from problem
        described = ModelMetadata(inputs=_specs(told.inputs), outputs=_specs(told.outputs))
        self._outputs[model] = tuple(spec.name for spec in described.outputs)
        return described

    async def infer(
        self, model: str, inputs: Sequence[Tensor], outputs: Sequence[str], timeout_s: float
    ) -> dict[str, NDArray[Any]]:
        """See `OipServer`."""
        if model not in self._outputs:
            await self.metadata(model, timeout_s)
        return await tensor_columns.infer(
            self._ask,
            f"/predictions/{quote(model, safe='')}",
            inputs,
            described=self._outputs[model],
            wanted=outputs,
            timeout_s=timeout_s,
        )

    async def load(self, model: str, timeout_s: float) -> None:
        """See `OipServer`. One that another worker of ours is registering is waited for."""
        if await self._registered(model, timeout_s):
            return
        if await self.ready(model, timeout_s):
            await self.unload(model, timeout_s)
            await self._registered(model, timeout_s)
            return
        try:
            async with asyncio.timeout(timeout_s):
                while not await self.ready(model, timeout_s):
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as late:
            raise EngineTimeout(
                f"TorchServe has registered {model!r}, and none of its workers is ready after "
                f"{timeout_s:g} s.",
                remedy="See TorchServe's log.",
                timeout_s=timeout_s,
            ) from late

    async def _registered(self, model: str, timeout_s: float) -> bool:
        """Register a model of the store; False where it is registered already."""
        wanted = urlencode(
            {
                "url": model,
                "model_name": model,
                "initial_workers": self._workers,
                "synchronous": "true",
            }
        )
        head, body = await self._manage.ask("POST", f"/models?{wanted}", timeout_s)
        if head.status == 409:
            return False
        self._manage.check(head, body)
        return True

    async def unload(self, model: str, timeout_s: float) -> None:
        """See `OipServer`."""
        await self._manage.known("DELETE", _model(model), timeout_s)

    async def close(self) -> None:
        """See `OipServer`."""
        await self._ask.close()
        await self._manage.close()


def _model(model: str) -> str:
    return f"/models/{quote(model, safe='')}"


def _specs(read: Sequence[_Spec]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name=s.name, datatype=s.datatype, shape=tuple(s.shape)) for s in read)
