"""The versions one worker has: loaded, loading, failed, draining. Performs what `reconcile` says.

Called by the worker's sync thread. Loading has a thread of its own, because it takes seconds and
measurements must go out meanwhile; what touches engines and tables is done on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from seatrial.kernel.clock import Clock
from seatrial.kernel.errors import SeatrialError
from seatrial.release.endpoint import EndpointTarget
from seatrial.serving.reconcile import Applied, Bundle, reconcile
from seatrial.serving.router import Router

_log = logging.getLogger(__name__)

_SETTLE_S = 1.0
"""A version that left its table still answers this long, for a request picked just before."""

_RETRY_S = 15.0
_START_S = 120.0


class Loaded(Protocol):
    """A version that was made, whatever it is."""

    async def start(self) -> None:
        """Start what must be there before the first request.   Raises: SeatrialError."""
        ...

    async def close(self, *, drain_s: float = 0.0) -> None:
        """End it; what still waits after ``drain_s`` seconds is refused."""
        ...


V = TypeVar("V", bound=Loaded)
V_co = TypeVar("V_co", bound=Loaded, covariant=True)


class OpenVersion(Protocol[V_co]):
    """Makes a version from what its digest names."""

    def __call__(self, endpoint: str, version: int, digest: str) -> V_co:
        """Verify and load; blocks, and is called on a thread without an event loop.

        Raises: SeatrialError; anything else is taken for a bundle that cannot be loaded.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetState:
    """What a worker has, JSON-able.

    Args:
        applied: revision by endpoint, only where the split asked for is in place.
        loaded: versions by endpoint.
        failed: problem by version (as text) by endpoint.
        draining: ``endpoint/version`` of those that end.
        settled: whether every endpoint has the table asked for, or cannot have it.
    """

    applied: Mapping[str, int]
    loaded: Mapping[str, list[int]]
    failed: Mapping[str, Mapping[str, str]]
    draining: list[str]
    settled: bool

    def __or__(self, other: FleetState) -> FleetState:
        """What a worker has of two kinds; no endpoint is of both."""
        return FleetState(
            applied={**self.applied, **other.applied},
            loaded={**self.loaded, **other.loaded},
            failed={**self.failed, **other.failed},
            draining=sorted([*self.draining, *other.draining]),
            settled=self.settled and other.settled,
        )


@dataclass(frozen=True, slots=True)
class _Failure:
    problem: str
    again_at: float


class Fleet(Generic[V]):
    """The versions of one kind that one worker has.

    Args:
        router: gets the tables.
        open_version: loads a version.
        loop: the event loop the router and the engines live on.
        clock: monotonic time.
        drain_s: how long requests of a version that left may take to end, in seconds.

    Attributes:
        state: what this worker has, as of the last turn; may be read on any thread.
    """

    def __init__(
        self,
        *,
        router: Router[V],
        open_version: OpenVersion[V],
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        drain_s: float = 30.0,
    ) -> None:
        self._router = router
        self._open_version = open_version
        self._loop = loop
        self._clock = clock
        self._drain_s = drain_s
        self._targets: Mapping[str, EndpointTarget] = {}
        self._told = False
        self._applied: dict[str, Applied] = {}
        self._loaded: dict[Bundle, V] = {}
        self._loading: dict[Bundle, Future[V]] = {}
        self._failed: dict[Bundle, _Failure] = {}
        self._draining: dict[Future[None], Bundle] = {}
        self._loader = ThreadPoolExecutor(1, "loader")
        self.state = self._look()

    def turn(self, targets: Mapping[str, EndpointTarget]) -> bool:
        """Go one step towards ``targets``; says whether anything changed. Never waits for a load.

        To be called again and again: what a step began, a later one finds ended.
        """
        self._targets = targets
        self._told = True
        self._router.expect(targets)
        changed = self._gather()
        now = self._clock.monotonic()
        waiting = {bundle for bundle, failure in self._failed.items() if failure.again_at > now}
        actions = reconcile(
            targets,
            loaded=frozenset(self._loaded),
            busy=frozenset(self._loading.keys() | waiting),
            applied=self._applied,
        )
        for endpoint, table in actions.apply.items():
            self._apply(endpoint, table)
        for bundle in actions.close:
            self._retire(bundle)
        for bundle in sorted(actions.load):
            self._loading[bundle] = self._loader.submit(self._load, bundle)
        self.state = self._look()
        return changed or bool(actions.apply or actions.close or actions.load)

    def _look(self) -> FleetState:
        loaded: dict[str, list[int]] = defaultdict(list)
        for endpoint, version, _ in sorted(self._loaded):
            loaded[endpoint].append(version)
        failed: dict[str, dict[str, str]] = defaultdict(dict)
        for (endpoint, version, _), failure in self._failed.items():
            failed[endpoint][str(version)] = failure.problem
        applied = {
            name: table.revision
            for name, table in self._applied.items()
            if name in self._targets and table.split == self._targets[name].split
        }
        return FleetState(
            applied=applied,
            loaded=dict(loaded),
            failed=dict(failed),
            draining=sorted(f"{b[0]}/{b[1]}" for b in self._draining.values()),
            settled=self._told and all(name in applied or name in failed for name in self._targets),
        )

    async def close(self, *, drain_s: float) -> None:
        """End every version, letting requests end for ``drain_s`` seconds; called on the loop."""
        self._loader.shutdown(wait=False, cancel_futures=True)
        ending = [asyncio.wrap_future(future) for future in self._draining]
        ending += [
            asyncio.ensure_future(live.close(drain_s=drain_s)) for live in self._loaded.values()
        ]
        self._loaded.clear()
        if ending:
            # An engine that does not end must not keep the last measurements from the store.
            await asyncio.wait(ending, timeout=drain_s + _SETTLE_S)

    def _gather(self) -> bool:
        """Take in loads and drains that ended."""
        wanted = {(t.endpoint, v, d) for t in self._targets.values() for v, d in t.digests.items()}
        self._failed = {b: failure for b, failure in self._failed.items() if b in wanted}
        loads = [bundle for bundle, future in self._loading.items() if future.done()]
        for bundle in loads:
            self._take(bundle, self._loading.pop(bundle))
        drained = [future for future in self._draining if future.done()]
        for future in drained:
            bundle = self._draining.pop(future)
            if problem := future.exception():
                _log.warning("%s version %d did not end cleanly: %s", *bundle[:2], problem)
        return bool(loads or drained)

    def _take(self, bundle: Bundle, load: Future[V]) -> None:
        problem = load.exception()
        if problem is None:
            self._loaded[bundle] = load.result()
            self._failed.pop(bundle, None)
            return
        said = str(problem) if isinstance(problem, SeatrialError) else repr(problem)
        _log.warning("%s version %d cannot be loaded: %s", *bundle[:2], said)
        self._failed[bundle] = _Failure(said, self._clock.monotonic() + _RETRY_S)

    def _load(self, bundle: Bundle) -> V:
        live = self._open_version(*bundle)
        try:
            asyncio.run_coroutine_threadsafe(live.start(), self._loop).result(_START_S)
        except BaseException:
            asyncio.run_coroutine_threadsafe(live.close(), self._loop)
            raise
        return live

    def _apply(self, endpoint: str, table: Applied) -> None:
        digests = self._targets[endpoint].digests
        loaded = {v: self._loaded[endpoint, v, digests[v]] for v in table.versions}

        async def swap() -> None:
            self._router.apply(endpoint, table.revision, table.split, loaded)

        asyncio.run_coroutine_threadsafe(swap(), self._loop).result(_START_S)
        self._applied[endpoint] = table

    def _retire(self, bundle: Bundle) -> None:
        live = self._loaded.pop(bundle)

        async def end() -> None:
            await asyncio.sleep(_SETTLE_S)
            await live.close(drain_s=self._drain_s)

        self._draining[asyncio.run_coroutine_threadsafe(end(), self._loop)] = bundle
