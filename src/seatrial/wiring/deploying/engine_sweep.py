"""Unloads models from servers elsewhere once no release and no split names them any more.

Only what this workspace put into a repository is touched. A version that is wanted again, by a
rollback say, is put there and loaded again by whoever serves it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import Store, StoreUnavailable
from seatrial.packaging.triton import MARK
from seatrial.release.controller import WORKERS
from seatrial.release.projection import Endpoints
from seatrial.serving.remote_config import EngineConfig
from seatrial.wiring.deploying.remote_engines import mark_in, open_server
from seatrial.wiring.workspace import Workspace

_log = logging.getLogger(__name__)

_EVERY_S = 5.0
_GRACE_S = 60.0
"""Longer than workers take to see a new split and let the requests of the old one end."""
_UNLOAD_S = 60.0


class EngineSweep:
    """Called again and again by whoever brings releases forward.

    Args:
        now: monotonic seconds.
    """

    def __init__(
        self, workspace: Workspace, store: Store, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        engines = workspace.settings.engines
        self._engines = {n: e for n, e in engines.items() if e.repository is not None}
        self._home = str(workspace.home)
        self._store = store
        self._endpoints = Endpoints(store)
        self._now = now
        self._again_at = now()
        self._unwanted: dict[Path, float] = {}

    def turn(self, *, at_once: bool = False) -> None:
        """Unload what has been unwanted for long; next to nothing where it is not time to look.

        Args: at_once: whether to look now, and to wait for no grace where no worker is there.
        """
        now = self._now()
        if not self._engines or (now < self._again_at and not at_once):
            return
        self._again_at = now + _EVERY_S
        try:
            wanted = self._wanted()
            grace_s = 0.0 if at_once and not self._store.present(WORKERS) else _GRACE_S
        except StoreUnavailable:  # whoever needs it says so
            return
        unwanted = {
            folder: engine
            for engine in self._engines.values()
            for folder in self._ours(engine)
            if folder not in wanted
        }
        self._unwanted = {folder: self._unwanted.get(folder, now) for folder in unwanted}
        for folder, engine in unwanted.items():
            if now - self._unwanted[folder] >= grace_s:
                self._end(folder, engine)

    def _wanted(self) -> set[Path]:
        """The folders of models that a split or a release under way names."""
        self._endpoints.refresh()
        wanted = set()
        for name in self._endpoints.names():
            state = self._endpoints.get(name)
            needed: Mapping[int, str] = state.target.digests
            if (release := state.active) is not None:
                needed = {**needed, release.version: release.digest}
            wanted |= {
                engine.repository / engine.model_of(name, version, digest)
                for engine in self._engines.values()
                if engine.repository is not None
                for version, digest in needed.items()
            }
        return wanted

    def _ours(self, engine: EngineConfig) -> Iterator[Path]:
        assert engine.repository is not None
        for mark in sorted(engine.repository.glob(f"*/{MARK}")):
            found = mark_in(mark.parent)
            if found is not None and found.home == self._home:
                yield mark.parent

    def _end(self, folder: Path, engine: EngineConfig) -> None:
        """Unload a model and take its files away; tried again later where that fails."""
        try:
            asyncio.run(_unload(engine, folder.name))
        except SeatrialError as problem:
            self._unwanted[folder] = self._now()
            _log.warning("%s is not unloaded: %s", folder.name, problem)
            return
        shutil.rmtree(folder, ignore_errors=True)
        self._unwanted.pop(folder, None)
        _log.info("%s was unloaded: nothing asks it any more", folder.name)


async def _unload(engine: EngineConfig, model: str) -> None:
    server = open_server(engine)
    try:
        if await server.ready(model, _UNLOAD_S):
            await server.unload(model, _UNLOAD_S)
    finally:
        await server.close()
