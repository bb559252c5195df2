"""What Ray Serve imports: a bundle as an application, and a repository whose models become some.

Each replica of a model serves its bundle as a container does (`wiring.deploying.standalone`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from seatrial.adapters.serving.ray import RayModels, below
from seatrial.adapters.serving.ray import application as of_ray
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.config import ConfigModel, validated
from seatrial.packaging.rayserve import BUNDLE, scale_of
from seatrial.registry.bundle import Bundle
from seatrial.serving.hosting import ModelAbsent
from seatrial.serving.live import LiveVersion
from seatrial.serving.plane import DataPlane
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.inference import App
from seatrial.web.repository import RepositoryDoor
from seatrial.wiring.deploying.remote_engines import mark_in
from seatrial.wiring.deploying.standalone import Standalone
from seatrial.wiring.deploying.trust import trust_of_environment
from seatrial.wiring.deploying.versions import plan_here

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_START_S: Final = 55.0
"""A little less than a server of ours waits for a model to be loaded."""


class ModelArgs(ConfigModel):
    """The ``args`` of `model` in a configuration of Ray Serve."""

    bundle: Path = Field(description="Folder of a bundle, as the nodes of Ray see it.")


class RepositoryArgs(ConfigModel):
    """The ``args`` of `repository` in a configuration of Ray Serve."""

    repository: Path = Field(description="The folder that `engines.<name>.repository` names.")
    min_replicas: int = Field(default=1, ge=1, description="Replicas of each model, at least.")
    max_replicas: int = Field(default=4, ge=1, description="Replicas of each model, at most.")
    num_cpus: float = Field(default=1.0, ge=0, description="CPUs that Ray sets apart for each.")


def application(folder: Path) -> Any:
    """The bundle in a folder as an application of Ray Serve, for ``serve run app:app``.

    Args: folder: on this machine; where a node has no such folder, that of its name in the working
        folder, which is where Ray's ``--working-dir`` puts it.
    Raises: MissingExtra; BundleNotFound, BundleTampered and their kin.
    """
    bundle = Bundle.open(folder)
    name = bundle.manifest.name
    make = partial(replica, str(folder), name, 1)
    return of_ray(name, make, scale_of(plan_here(bundle)))


def model(args: Mapping[str, Any]) -> Any:
    """The same, for ``import_path`` of a configuration; its ``args`` are `ModelArgs`."""
    return application(validated(ModelArgs, args, "args of the application").bundle)


def repository(args: Mapping[str, Any]) -> Any:
    """What loads and unloads models of a repository; its ``args`` are `RepositoryArgs`.

    Raises: MissingExtra, ConfigInvalid.
    """
    read = validated(RepositoryArgs, args, "args of the application")
    return of_ray("repository", partial(_door, read), None)


def replica(folder: str, name: str, version: int, prefix: str) -> App:
    """What a replica of a model runs; it loads the bundle at the start of its lifespan.

    Args: prefix: see `adapters.serving.ray.application`.
    Raises: BundleNotFound, BundleTampered and their kin; as `Trust` and its `check`.
    """
    places = (Path(folder), Path.cwd() / Path(folder).name)
    bundle = Bundle.open(next((place for place in places if place.is_dir()), places[0]))
    trust = None if prefix else trust_of_environment()  # of a repository, whoever releases it asks
    if trust is not None:
        trust.check(bundle)
    served = Standalone(bundle, name=name, version=version, here=True)
    return below(build(served.plane, start=served.start, stop=served.stop), prefix)


def _door(args: RepositoryArgs, _prefix: str) -> App:
    """What the application of a repository runs: the door, and a server without a model."""
    router: Router[LiveVersion] = Router(Recorder(worker="repository", clock=SystemClock()))
    others = build(DataPlane(router, error_reply))
    return RepositoryDoor(RayModels(partial(_found, args), start_s=_START_S), others)


def _found(args: RepositoryArgs, name: str, prefix: str) -> tuple[str, Any]:
    """A model of the repository: its digest, and itself as an application."""
    folder = args.repository / name
    mark = mark_in(folder) if _NAME.fullmatch(name) else None
    if mark is None:
        raise ModelAbsent(
            f"The repository {args.repository} holds no model {name!r}.",
            remedy="See whether this Ray and seatrial name the same folder as the repository.",
            model=name,
        )
    bundle = Bundle.open(folder / BUNDLE, digest=mark.digest)
    scale = replace(
        scale_of(plan_here(bundle)),
        min_replicas=args.min_replicas,
        max_replicas=max(args.min_replicas, args.max_replicas),
        num_cpus=args.num_cpus,
    )
    make = partial(replica, str(folder / BUNDLE), name, mark.version)
    return bundle.digest, of_ray(name, make, scale, prefix=prefix)
