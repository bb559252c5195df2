"""One worker process: the data plane on an event loop, the sync thread beside it."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.release.rollout import MODEL
from seatrial.serving.exchange import Limits
from seatrial.serving.fleet import Fleet
from seatrial.serving.plane import DataPlane
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.serving.shadow import Copies
from seatrial.serving.spawn import sweep
from seatrial.serving.worker import Beside, Worker
from seatrial.web.app import App, build
from seatrial.web.errors import error_reply
from seatrial.web.guard import Guard
from seatrial.web.server import serve
from seatrial.wiring.counting import counting_of
from seatrial.wiring.health import Health
from seatrial.wiring.kinds import INDEX, PROMPT
from seatrial.wiring.prediction_log import prediction_log, shipper_of
from seatrial.wiring.prompts.versions import LoadedPrompt, PromptShelf, RoutedPrompts
from seatrial.wiring.settings import ServerConfig
from seatrial.wiring.targets import TargetsOf
from seatrial.wiring.workspace import Workspace

if TYPE_CHECKING:
    from fastapi import APIRouter

    from seatrial.adapters.grpc.door import GrpcDoor
    from seatrial.serving.live import LiveVersion
    from seatrial.wiring.features.lookups import Opened
    from seatrial.wiring.knowledge.here import OpenIndex
    from seatrial.wiring.knowledge.releases import LoadedIndex
    from seatrial.wiring.llm import Llm


_LOAD_S = 60.0
"""So long a worker takes no requests while it loads: others have its versions already, it has not.
After that it answers what it can, and says at /readyz what is missing."""

_DRAIN_S = 3.0
"""For calls of engines that nobody waits for any more: the server let its requests end before."""


_SWITCH_S = 0.0005
"""After so long the sync thread gives the interpreter up to the event loop. At Python's own 5 ms
every request that comes while the thread works would wait that long."""


def preload(workspace: Workspace) -> None:
    """Import what every worker loads later anyway; called once, before the workers are forked.

    Numerics and what needs them, 40 MB, are left to the first version that a worker opens where a
    server has none yet and answers for others' models.
    """
    models, knowledge = workspace.settings.gateway.models, workspace.settings.knowledge
    if not models or knowledge or workspace.bundles.exists():
        _load_for_models()
    if workspace.settings.features.endpoints:
        import seatrial.wiring.features.lookups
    if models or knowledge:
        import seatrial.wiring.llm
    if knowledge:
        import seatrial.wiring.knowledge.served  # noqa: F401 - for what they load


def _load_for_models() -> None:
    """Import all that a version of a model needs from its opening to its last request."""
    with ONE_AT_A_TIME:
        import seatrial.adapters.serving.onnxruntime
        import seatrial.release.measurement
        import seatrial.serving.codec.dialects
        import seatrial.wiring.deploying.versions
        import seatrial.wiring.watching.counting  # noqa: F401 - for what they load


def run_worker(
    workspace: Workspace,
    *,
    stop_fd: int,
    listening: socket.socket,
    name: str,
    address: str,
    token: str | None,
) -> None:
    """The main of a worker process: serve until the supervisor is gone or says stop.

    Args:
        stop_fd: pipe that ends when the supervisor does.
        listening: the socket all workers share.
        name: ``worker/<server>/<index>``.
        address: where the server is reached, for others to see.
        token: of the control routes, or None where only loopback may use them.
    """
    sys.setswitchinterval(_SWITCH_S)
    process = _Process(workspace, name=name, address=address)
    try:
        serve(
            _app(process, token, workspace),
            listening,
            stop_fd=stop_fd,
            before=process.prepare,
            after=process.finish,
        )
    finally:
        process.store.close()


class _Process:
    """What a worker process is made of: made at once, loaded before it serves, drained after.

    Args: see `run_worker`.
    """

    def __init__(self, workspace: Workspace, *, name: str, address: str) -> None:
        config = workspace.settings.server
        self._workspace, self._address = workspace, address
        self.name = self._name = name
        self._clock = SystemClock()
        self.store = workspace.open_store()
        self._recorder = Recorder(worker=name, clock=self._clock)
        self._counting = counting_of(workspace, name) if config.count_rows else None
        counting = self._counting
        self._router: Router[LiveVersion] = (
            Router(self._recorder)
            if counting is None
            else Router(self._recorder, seen=counting.seen, retired=counting.retire)
        )
        self._copies = Copies()
        self._log = prediction_log(workspace, name)
        self._health = Health()
        self._worker: Worker | None = None
        self.to_close: list[Callable[[], None]] = []
        self._prompts: Router[LoadedPrompt] = Router(self._recorder)
        self._indexes: Router[LoadedIndex[OpenIndex]] = Router(self._recorder)
        self.llm = self._open_llm()
        self._beside: Beside | None = self.llm
        self._renewing: asyncio.Task[None] | None = None
        self._door: GrpcDoor | None = None
        self.features = self._open_lookups()
        self._lookups = None if self.features is None else self.features.lookups
        self.plane = DataPlane(
            self._router,
            error_reply,
            limits_of(config),
            readiness=self._health,
            metrics=lambda: self._worker.metrics() if self._worker else "",
            copies=self._copies,
            log=self._log,
            completion=self._lookups,
            elsewhere=None if self.llm is None else self.llm.has,
        )

    def _open_llm(self) -> Llm | None:
        settings = self._workspace.settings
        if not settings.gateway.models and not settings.knowledge:
            return None
        from seatrial.wiring.llm import Llm

        prompts = RoutedPrompts(self._prompts, self._recorder)
        released = None
        if settings.knowledge:
            from seatrial.wiring.knowledge.releases import ReleasedIndexes

            released = ReleasedIndexes(self._indexes)
        return Llm(self._workspace, self.store, prompts=prompts, released=released)

    def _open_lookups(self) -> Opened | None:
        if not self._workspace.settings.features.endpoints:
            return None
        from seatrial.features.tally import Tally
        from seatrial.wiring.features.lookups import Besides, open_lookups

        tally = Tally()
        self._beside = Besides(tally, self.llm)
        return open_lookups(self._workspace, tally, worker=self._name)

    async def prepare(self) -> None:
        """Load every version that shall be served, or as many as there is patience for."""
        sweep()
        loop, loaded = asyncio.get_running_loop(), asyncio.Event()

        def on_ready() -> None:
            self._health.ready()
            loop.call_soon_threadsafe(loaded.set)

        self._worker = Worker(
            name=self._name,
            address=self._address,
            store=self.store,
            targets=TargetsOf(self.store),
            fleets={
                MODEL: self._fleet(loop),
                PROMPT: self._prompt_fleet(loop),
                **self._index_fleets(loop),
            },
            router=self._router,
            recorder=self._recorder,
            clock=self._clock,
            copies=self._copies,
            counting=self._counting,
            log=self._log,
            shipper=shipper_of(self._workspace, self._name),
            beside=self._beside,
            on_ready=on_ready,
        )
        self._worker.start()
        if self.features is not None and self.features.renewal is not None:
            self._renewing = loop.create_task(self.features.renewal.run())
        with suppress(TimeoutError):
            await asyncio.wait_for(loaded.wait(), _LOAD_S)
        self._door = await self._open_door()

    async def _open_door(self) -> GrpcDoor | None:
        """The door of gRPC, where one is asked for."""
        server = self._workspace.settings.server
        if server.grpc_port is None:
            return None
        _load_for_models()
        from seatrial.adapters.grpc.door import GrpcDoor
        from seatrial.wiring.server_checks import grpc_tls

        tls = grpc_tls(self._workspace)
        door = GrpcDoor(self.plane, max_body_bytes=server.max_body_bytes, tls=tls)
        await door.start(server.host, server.grpc_port)
        return door

    def _fleet(self, loop: asyncio.AbstractEventLoop) -> Fleet[LiveVersion]:
        return Fleet(
            router=self._router,
            open_version=partial(_opened, self._workspace),
            loop=loop,
            clock=self._clock,
        )

    def _prompt_fleet(self, loop: asyncio.AbstractEventLoop) -> Fleet[LoadedPrompt]:
        return Fleet(
            router=self._prompts,
            open_version=PromptShelf(self.store, self._workspace.settings.gateway.models),
            loop=loop,
            clock=self._clock,
        )

    def _index_fleets(
        self, loop: asyncio.AbstractEventLoop
    ) -> dict[str, Fleet[LoadedIndex[OpenIndex]]]:
        """Of a server that has indexes; others do without what opens them."""
        if self.llm is None or self.llm.knowledge is None:
            return {}
        from seatrial.wiring.knowledge.releases import IndexShelf

        fleet: Fleet[LoadedIndex[OpenIndex]] = Fleet(
            router=self._indexes,
            open_version=IndexShelf(self.store, self.llm.knowledge.here.open),
            loop=loop,
            clock=self._clock,
        )
        return {INDEX: fleet}

    async def finish(self) -> None:
        """Take no more requests, and stop."""
        self._health.not_ready("draining")
        if self._door is not None:
            await self._door.stop(_DRAIN_S)
        if self.llm is not None:
            await self.llm.close()
        for close in self.to_close:
            close()
        if self._renewing is not None:
            self._renewing.cancel()
        if self._lookups is not None:
            await self._lookups.close()
        if self._worker is not None:
            await self._worker.stop(drain_s=_DRAIN_S)


def _opened(workspace: Workspace, endpoint: str, version: int, digest: str) -> LiveVersion:
    """See `serving.fleet.OpenVersion`."""
    _load_for_models()
    from seatrial.wiring.deploying.trust import trust_of
    from seatrial.wiring.deploying.versions import Shelf

    shelf = Shelf(
        workspace.bundles,
        trust=trust_of(workspace.settings.server.verify_key),
        limits=workspace.settings.server.child_limits(),
        engines=workspace.settings.engines,
        home=str(workspace.home),
    )
    return shelf(endpoint, version, digest)


def limits_of(config: ServerConfig) -> Limits:
    """The bounds of one request, as configured."""
    return Limits(
        max_body_bytes=config.max_body_bytes,
        max_rows=config.max_rows,
        timeout_s=config.deadline_s,
    )


def _app(process: _Process, token: str | None, workspace: Workspace) -> App:
    guard, llm = Guard(token=token), process.llm

    def routers() -> list[APIRouter]:  # by one thread at a time, as what makes a site of them
        from seatrial.wiring.site import Site

        knowledge = None if llm is None else llm.knowledge
        return Site(
            workspace=workspace,
            store=process.store,
            guard=guard,
            worker=process.name,
            looked_up=process.features,
            indexes=None if knowledge is None else knowledge.here,
            to_close=process.to_close,
        ).routers()

    streams = None if llm is None else llm.plane
    return build(process.plane, routers, guard=guard, streams=streams)
