"""Serves one bundle and nothing else: what staging tests, and what a container runs."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import Invalid
from seatrial.registry.bundle import Bundle
from seatrial.release.variant import Split
from seatrial.serving.exchange import Limits
from seatrial.serving.live import LiveVersion
from seatrial.serving.metrics import WorkerCounts, count, exposition
from seatrial.serving.plane import DataPlane
from seatrial.serving.record import Recorder, Total
from seatrial.serving.router import Router
from seatrial.serving.spawn import ChildLimits
from seatrial.serving.usage import machine, usage
from seatrial.web.app import App, build
from seatrial.web.errors import error_reply
from seatrial.web.server import serve
from seatrial.wiring.deploying.trust import trust_of_environment
from seatrial.wiring.deploying.versions import open_version
from seatrial.wiring.health import Health
from seatrial.wiring.listening import listen

if TYPE_CHECKING:
    from seatrial.serving.remote_config import EngineConfig

BUNDLE = "SEATRIAL_BUNDLE"
VERSION = "SEATRIAL_VERSION"
REVISION = 1
HOME = "SEATRIAL_HOME"
NATIVE_MEMORY = "SEATRIAL_NATIVE_MEMORY_MIB"
_LIMITS = ChildLimits(call_s=30.0)


class BundleMissing(Invalid):
    """Nobody said which bundle to serve."""

    code = "standalone.bundle_missing"


class Standalone:
    """A data plane with one version of one model.

    Args:
        bundle: verified.
        name: the model's; None for the bundle's own.
        version: its number.
        limits: of a native engine's process.
        home: of the workspace it is served for, if for one.
        here: whether the model runs here even where its bundle is for a server elsewhere.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        name: str | None = None,
        version: int = 1,
        limits: ChildLimits = _LIMITS,
        home: str = "",
        here: bool = False,
    ) -> None:
        self._bundle = bundle
        self._here = here
        self._home = home
        self._name = name or bundle.manifest.name
        self._version = version
        self._limits = limits
        self._recorder = Recorder(worker="standalone", clock=SystemClock())
        self._router: Router[LiveVersion] = Router(self._recorder)
        self._health = Health()
        self._machine = machine()
        self.plane = DataPlane(
            self._router, error_reply, Limits(), readiness=self._health, metrics=self._metrics
        )

    async def start(self) -> None:
        """Load the version; requests are welcome afterwards."""
        live = await asyncio.to_thread(
            open_version,
            self._bundle,
            endpoint=self._name,
            version=self._version,
            limits=self._limits,
            engines=None if self._here else _engines(self._bundle),
            home=self._home,
        )
        await live.start()
        self._live = live
        self._router.apply(self._name, REVISION, Split(stable=self._version), {self._version: live})
        self._health.ready()

    async def stop(self) -> None:
        """Let requests end and unload."""
        self._health.not_ready("draining")
        await self._live.close(drain_s=10.0)

    def _metrics(self) -> str:
        self._recorder.collect()
        key = (self._name, self._version)
        total = self._recorder.totals().get(key, Total())
        live = self._router.loaded().get(key)
        used = usage([os.getpid(), *([live.pid] if live and live.pid is not None else [])])
        counts = WorkerCounts(
            versions=[count(*key, total, live)],
            store_up=True,
            slices_unsent=0,
            copies_dropped=0,
            log_dropped=0,
            cpu_s=used.cpu_s,
            n_cpus=self._machine.n_cpus,
            rss_bytes=used.rss_bytes,
            memory_bytes=self._machine.memory_bytes,
        )
        return exposition({"standalone": counts})


def _engines(bundle: Bundle) -> Mapping[str, EngineConfig] | None:
    """The servers elsewhere, where the bundle is for one: of the environment."""
    if bundle.manifest.plan.get("remote") is None:
        return None
    from seatrial.wiring.deploying.remote_engines import engines_of_environment

    return engines_of_environment()


def app() -> App:
    """The ASGI application of a container: the bundle that ``SEATRIAL_BUNDLE`` names.

    For ``uvicorn --factory seatrial.wiring.deploying.standalone:app``; the bundle is loaded when
    that starts.
    ``SEATRIAL_NATIVE_MEMORY_MIB`` is what `server.native_memory_mib` is to a server.
    ``SEATRIAL_VERIFY_KEY`` is what `server.verify_key` is to a server.
    Raises: BundleMissing, BundleNotFound, BundleTampered and their kin; as `Trust` and its `check`.
    """
    folder = os.environ.get(BUNDLE)
    if not folder:
        raise BundleMissing(
            f"The variable {BUNDLE} is not set.",
            remedy=f"Set {BUNDLE} to the folder of a bundle.",
        )
    memory_mib = os.environ.get(NATIVE_MEMORY)
    limits = replace(_LIMITS, memory_bytes=int(memory_mib) << 20) if memory_mib else _LIMITS
    bundle = Bundle.open(Path(folder))
    if (trust := trust_of_environment()) is not None:
        trust.check(bundle)
    standalone = Standalone(bundle, version=int(os.environ.get(VERSION) or 1), limits=limits)
    return build(standalone.plane, start=standalone.start, stop=standalone.stop)


def serve_bundle(
    bundle: Bundle,
    *,
    name: str | None,
    version: int,
    host: str,
    port: int,
    fd: int | None,
    until_eof: bool,
    limits: ChildLimits,
) -> None:
    """Serve a bundle until SIGTERM or SIGINT.

    Args:
        bundle: verified; its folder stays where it is meanwhile.
        fd: an inherited listening socket to use instead of ``host`` and ``port``.
        until_eof: also stop when standard input ends.
        limits: of a native engine's process.
    Raises: PortTaken; what engines raise when they cannot be loaded.
    """
    home = os.environ.get(HOME, "")
    standalone = Standalone(bundle, name=name, version=version, limits=limits, home=home)
    listening = listen(host, port) if fd is None else socket.socket(fileno=fd)
    serve(
        build(standalone.plane),
        listening,
        stop_fd=sys.stdin.fileno() if until_eof else None,
        before=standalone.start,
        after=standalone.stop,
    )
