"""The engine of a version whose model runs in a server elsewhere.

It is loaded when the version is, and looked for again while it is gone: a server that comes back,
or comes back empty, answers again without anybody's help. Whether it has the model is asked every
few seconds besides, for people to see: requests alone say nothing while there are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.signature import Batch, Prediction, Signature, n_rows
from seatrial.serving.engine import Says, Seen
from seatrial.serving.failures import EngineRefused, EngineUnreachable
from seatrial.serving.oip import OipServer
from seatrial.serving.wires import Wires, fit

_log = logging.getLogger(__name__)

_CLOCK = SystemClock()
_LOOK_AGAIN_S = 2.0
_ASK_AGAIN_S = 5.0
_ASK_S = 2.0
"""Less than between two questions, so that they never pile up."""
_DESCRIBE_S = 10.0
_LOAD_S = 60.0
"""A server may take long to load a large model."""


@dataclass(frozen=True, slots=True)
class ElsewhereStatus:
    """What is known of an engine elsewhere: nothing of its processes."""

    restarts: int = 0
    pid: int | None = None
    seen: Seen | None = None


class Elsewhere:
    """A model in a server elsewhere (a `live.NativeEngine`). Lives on one event loop.

    Args:
        server: speaks the protocol; closed with this.
        model: the server's name of it.
        signature: what the version promises; compared with what the server says.
        place: puts the model where the server loads models from, if that is our business, and says
            whether it was not there; blocks. The server is then told to load it.
        connections: requests that are asked at once, >= 1.
        now: the time of day.
    """

    def __init__(
        self,
        server: OipServer,
        model: str,
        signature: Signature,
        *,
        place: Callable[[], bool] | None = None,
        connections: int = 32,
        now: Callable[[], datetime] = _CLOCK.now,
    ) -> None:
        self._server = server
        self._model = model
        self._signature = signature
        self._place = place
        self._turns = asyncio.Semaphore(connections)
        self._wires: Wires | None = None
        self._looking: asyncio.Task[None] | None = None
        self._look_at = 0.0
        self._now = now
        self._seen: Seen | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether the server was seen to hold the model."""
        return self._wires is not None

    def status(self) -> ElsewhereStatus:
        """See `live.NativeEngine`."""
        return ElsewhereStatus(seen=self._seen)

    async def start(self) -> None:
        """See that the server has the model, and that it is the version's.

        Raises: EngineUnreachable, EngineTimeout, EngineRefused, EngineNonsense, EngineMismatch;
            what ``place`` raises.
        """
        is_new = self._place is not None and await asyncio.to_thread(self._place)
        if is_new or not await self._server.ready(self._model, _DESCRIBE_S):
            if self._place is None:
                raise EngineUnreachable(
                    f"The server has no model {self._model!r} that is ready.",
                    remedy="Load it there, or name another by engines.<name>.model.",
                    model=self._model,
                )
            await self._server.load(self._model, _LOAD_S)
        described = await self._server.metadata(self._model, _DESCRIBE_S)
        self._wires = fit(self._model, self._signature, described)
        self._heard(Says.READY)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_again())

    async def predict(self, batch: Batch, timeout_s: float) -> Prediction:
        """See `engine.RemoteEngine`.

        Raises: EngineUnreachable, EngineTimeout, EngineRefused, EngineNonsense.
        """
        wires = self._wires
        assert wires is not None, "a version is started before it answers"
        async with self._turns:
            try:
                answers = await self._server.infer(
                    self._model, wires.tensors(batch), wires.wanted, timeout_s
                )
            except (EngineUnreachable, EngineRefused):
                self._look_again()
                raise
        return wires.prediction(answers, n_rows(batch))

    async def close(self) -> None:
        """Leave the server; the model stays loaded there, for others may use it."""
        for task in (self._looking, self._asking):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._server.close()

    async def _ask_again(self) -> None:
        """Ask whether the model is ready, for ever; nothing follows from it but what is shown."""
        while True:
            await asyncio.sleep(_ASK_AGAIN_S)
            try:
                ready = await self._server.ready(self._model, _ASK_S)
            except SeatrialError:
                self._heard(Says.SILENT)
            except Exception:  # noqa: BLE001 - the border of a scheduled step
                _log.exception("the engine of %s could not be asked", self._model)
                self._heard(Says.SILENT)
            else:
                self._heard(Says.READY if ready else Says.ABSENT)

    def _heard(self, says: Says) -> None:
        if self._seen is None or self._seen.says is not says:
            self._seen = Seen(says=says, since=self._now())

    def _look_again(self) -> None:
        """Load the model again where the server is back without it; off the path of any request."""
        now = asyncio.get_running_loop().time()
        if self._looking is None and now >= self._look_at:
            self._look_at = now + _LOOK_AGAIN_S
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        try:
            await self.start()
        except SeatrialError as problem:
            _log.warning("the engine of %s does not answer: %s", self._model, problem)
        finally:
            self._looking = None
