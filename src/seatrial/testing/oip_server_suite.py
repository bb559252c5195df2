"""What a way to a server elsewhere must do: the suite for `serving.oip.OipServer`."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.serving.failures import (
    EngineNonsense,
    EngineRefused,
    EngineTimeout,
    EngineUnreachable,
)
from seatrial.serving.oip import OipServer, Tensor
from seatrial.testing.memory_oip import DESCRIBED, MODEL, Fault, OipWorld

_PATIENCE_S = 10.0
_SHORT_S = 0.05


class OipServerSuite:
    """Subclass it as ``Test...`` with fixtures ``world`` and ``server``, which asks that world.

    ``loads`` is False of a server whose models only its own configuration loads: then it refuses.
    """

    loads = True

    @pytest.fixture
    def tensors(self) -> list[Tensor]:
        """Two rows for the model of the world."""
        texts = np.empty((2, 1), object)
        texts[:] = [["å"], ["longer"]]
        rows = np.array([[1.5, np.nan], [2.0, 4.0]])
        return [
            Tensor(name="x", datatype="FP64", values=rows),
            Tensor(name="word", datatype="BYTES", values=texts),
        ]

    async def test_a_model_is_ready_once_it_is_loaded_and_no_more_once_it_is_not(
        self, server: OipServer, world: OipWorld
    ) -> None:
        """Twice is no error; of a model that nobody knows it is one."""
        assert not await server.ready(MODEL, _PATIENCE_S)
        if not self.loads:
            await self._loads_by_itself(server, world)
            return
        for _ in range(2):
            await server.load(MODEL, _PATIENCE_S)
            assert await server.ready(MODEL, _PATIENCE_S)
        for _ in range(2):
            await server.unload(MODEL, _PATIENCE_S)
            assert not await server.ready(MODEL, _PATIENCE_S)
        with pytest.raises(EngineRefused):
            await server.load("nobody/knows it", _PATIENCE_S)
        assert not await server.ready("nobody/knows it", _PATIENCE_S)

    async def _loads_by_itself(self, server: OipServer, world: OipWorld) -> None:
        for refused in (server.load, server.unload):
            with pytest.raises(EngineRefused):
                await refused(MODEL, _PATIENCE_S)
        world.loaded.add(MODEL)
        assert await server.ready(MODEL, _PATIENCE_S)

    async def test_a_model_is_described(self, server: OipServer, world: OipWorld) -> None:
        """As it stands in the world, in any order."""
        world.loaded.add(MODEL)
        found = await server.metadata(MODEL, _PATIENCE_S)
        assert set(found.inputs) == set(DESCRIBED.inputs)
        assert set(found.outputs) == set(DESCRIBED.outputs)

    async def test_rows_are_answered_in_the_servers_shapes(
        self, server: OipServer, world: OipWorld, tensors: list[Tensor]
    ) -> None:
        """Numbers, truths and texts; NaN goes there and comes back."""
        world.loaded.add(MODEL)
        answer = await server.infer(MODEL, tensors, ["total", "long", "said"], _PATIENCE_S)
        np.testing.assert_array_equal(answer["total"], [np.nan, 6.0])
        assert answer["long"].tolist() == [[False], [True]]
        assert answer["said"].tolist() == ["å!", "longer!"]

    async def test_only_what_was_asked_for_is_answered(
        self, server: OipServer, world: OipWorld, tensors: list[Tensor]
    ) -> None:
        """In any order."""
        world.loaded.add(MODEL)
        assert list(await server.infer(MODEL, tensors, ["said"], _PATIENCE_S)) == ["said"]

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault.GONE, EngineUnreachable),
            (Fault.REFUSING, EngineRefused),
            (Fault.RAMBLING, EngineNonsense),
            (Fault.SLOW, EngineTimeout),
        ],
    )
    async def test_what_is_wrong_has_its_own_error_and_does_not_last(
        self,
        server: OipServer,
        world: OipWorld,
        tensors: list[Tensor],
        fault: Fault,
        error: type[Exception],
    ) -> None:
        """Each with an order what to do; the same way works again once the fault is over."""
        world.loaded.add(MODEL)
        wanted = ["total"]
        await server.infer(MODEL, tensors, wanted, _PATIENCE_S)
        world.fault = fault
        timeout_s = _SHORT_S if fault is Fault.SLOW else _PATIENCE_S
        with pytest.raises(error) as told:
            await server.infer(MODEL, tensors, wanted, timeout_s)
        assert getattr(told.value, "remedy", "")
        world.fault = None
        assert len((await server.infer(MODEL, tensors, wanted, _PATIENCE_S))["total"]) == 2
