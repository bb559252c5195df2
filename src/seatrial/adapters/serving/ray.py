"""Models as applications of Ray Serve: one each, with replicas that Ray starts, ends and spreads.

What runs in a replica is an ASGI application that is made there; nothing here knows which.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from seatrial.kernel.errors import MissingExtra
from seatrial.packaging.rayserve import Scale
from seatrial.serving.hosting import READY, ModelNotStarted

ModelApp = Callable[[Any, Any, Any], Awaitable[None]]

_LITTLE: Final[Mapping[str, object]] = {"ray_actor_options": {"num_cpus": 0}}
_EVERY_S: Final = 0.1
_DIGITS: Final = 12
_FAILED: Final = "DEPLOY_FAILED"
_SHOWN: Final = 300
_PREFIX: Final = "/v2/models"
_OURS: Final = "seatrial."
"""Before the name of an application that is a model's: no other one is ever ended."""


def application(
    name: str, make: Callable[[str], ModelApp], scale: Scale | None, *, prefix: str = ""
) -> Any:
    """A Serve application that is not started yet.

    Args:
        name: of its only deployment.
        make: called in each replica with ``prefix``; a function of a module, or a `partial`.
        scale: None for one replica that takes no CPU of its own, as Ray counts them.
        prefix: where requests for it begin, as they come to it; "" where all do.
    Raises: MissingExtra.
    """

    def made() -> ModelApp:
        return make(prefix)

    serve = _serve()
    options = _LITTLE if scale is None else scale.options()
    return serve.deployment(serve.ingress(made)()).options(name=name, **options).bind()


def below(app: ModelApp, prefix: str) -> ModelApp:
    """The same application, asked by whole paths: Serve counts its own prefix to the root."""

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if prefix and "root_path" in scope:
            scope = {**scope, "root_path": scope["root_path"].removesuffix(prefix)}
        await app(scope, receive, send)

    return asked


class RayModels:
    """The models of a repository, on the Ray that this process is part of; a `Hosting`.

    Which content a model has stands in the name of its application, so that nothing is remembered
    here: this process may be ended and started again by Ray too.

    Args:
        find: the digest of a model, and its `application` below a prefix, by its name; blocks.
        start_s: how long one may take to start.
    """

    def __init__(self, find: Callable[[str, str], tuple[str, Any]], *, start_s: float) -> None:
        self._find = find
        self._start_s = start_s
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def load(self, model: str) -> None:
        """See `Hosting`."""
        prefix = f"{_PREFIX}/{model}"
        async with self._turns[model]:
            digest, target = await asyncio.to_thread(self._find, model, prefix)
            name = f"{_OURS}{model}.{digest[:_DIGITS]}"
            known = await asyncio.to_thread(_applications, model)
            for other in known.keys() - {name}:
                await asyncio.to_thread(_serve().delete, other)
            if name not in known:
                await asyncio.to_thread(_begin, name, target, prefix)
            await self._until_ready(name, model)

    async def unload(self, model: str) -> None:
        """See `Hosting`."""
        async with self._turns[model]:
            for name in await asyncio.to_thread(_applications, model):
                await asyncio.to_thread(_serve().delete, name)

    async def states(self) -> Mapping[str, str]:
        """See `Hosting`."""
        found = await asyncio.to_thread(_applications)
        return {name.removeprefix(_OURS).rpartition(".")[0]: state for name, state in found.items()}

    async def _until_ready(self, name: str, model: str) -> None:
        """Wait; what does not start is ended, so that the next one who asks begins anew."""
        until = time.monotonic() + self._start_s
        while True:
            state = (await asyncio.to_thread(_applications, model)).get(name, "")
            if state == READY:
                return
            if state.startswith(_FAILED) or time.monotonic() > until:
                await asyncio.to_thread(_serve().delete, name)
                raise _not_started(model, state, self._start_s)
            await asyncio.sleep(_EVERY_S)


def _begin(name: str, target: Any, prefix: str) -> None:
    serve = _serve()
    run = serve.RunTarget(target=target, name=name, route_prefix=prefix)
    serve.run_many([run], wait_for_applications_running=False)


def _applications(model: str | None = None) -> dict[str, str]:
    """The state of each application of ours by its name, of a model's or of all."""
    return {
        name: READY if one.status == "RUNNING" else _told(one)
        for name, one in _serve().status().applications.items()
        if name.startswith(_OURS) and model in (None, name.removeprefix(_OURS).rpartition(".")[0])
    }


def _told(application: Any) -> str:
    return f"{application.status.value}: {' '.join(application.message.split())}"


def _not_started(model: str, why: str, start_s: float) -> ModelNotStarted:
    return ModelNotStarted(
        f"The model {model!r} did not start within {start_s:g} s: {why[-_SHOWN:] or 'no word'}.",
        remedy="See Ray's log of its replica, and whether the cluster has a free CPU for it.",
        model=model,
    )


def _serve() -> Any:
    try:
        from ray import serve
    except ImportError as error:
        raise MissingExtra("ray.serve", "ray-serve") from error
    return serve
