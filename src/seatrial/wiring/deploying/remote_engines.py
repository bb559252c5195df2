"""Opens the engines of versions that servers elsewhere run, and puts their models there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pydantic import Field

from seatrial.kernel.config import ConfigModel, load
from seatrial.kernel.errors import Conflict, NotFound
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.packaging import torchserve
from seatrial.packaging.rayserve import BUNDLE
from seatrial.packaging.triton import MARK, Backend, Graph, GraphUnfit, Mark, model_files
from seatrial.registry.bundle import Bundle
from seatrial.registry.incoming import incoming, land, write_file
from seatrial.registry.manifest import Role
from seatrial.registry.signature import Signature
from seatrial.serving.elsewhere import Elsewhere
from seatrial.serving.engine import EnginePlan
from seatrial.serving.oip import OipServer
from seatrial.serving.remote_config import RAY, VARIABLE, EngineConfig

HOME = "SEATRIAL_HOME"


class UnknownEngine(NotFound):
    """The configuration has no engine of the name."""

    code = "engine.unknown"


class EngineTaken(Conflict):
    """The engine's model repository holds another model under the name."""

    code = "engine.taken"


class _Section(ConfigModel):
    engines: dict[str, EngineConfig] = Field(default_factory=dict)


Engines = Mapping[str, EngineConfig]


def engine_named(engines: Engines, name: str) -> EngineConfig:
    """What the configuration says of an engine.   Raises: UnknownEngine."""
    found = engines.get(name)
    if found is None:
        known = ", ".join(sorted(engines)) or "none"
        raise UnknownEngine(
            f"The configuration has no engine {name!r}, but: {known}.",
            remedy=f"Give it its address by engines.{name}.url in seatrial.yaml.",
            engine=name,
        )
    return found


def engines_of_environment(environment: Mapping[str, str] = os.environ) -> Engines:
    """The section of a process that has no file of configuration: of a bundle served by itself."""
    own = {name: text for name, text in environment.items() if name.startswith(VARIABLE)}
    return load(None, _Section, own).engines


def as_variables(engines: Engines, bundle: Bundle, *, home: Path) -> dict[str, str]:
    """What tells a server of a bundle where its engine elsewhere is, in an environment.

    Raises: UnknownEngine.
    """
    name = str(bundle.manifest.plan["remote"])
    config = engine_named(engines, name)
    if config.repository is not None:  # of whoever reads it the working folder is another
        config = config.model_copy(update={"repository": config.repository.resolve()})
    return {VARIABLE: json.dumps({name: config.model_dump(mode="json")}), HOME: str(home)}


def open_server(config: EngineConfig) -> OipServer:
    """The server of an engine; it is not asked yet.   Raises: MissingExtra."""
    if config.protocol == "torchserve":
        with ONE_AT_A_TIME:
            from seatrial.adapters.serving.torchserve_server import TorchServe

        assert config.management is not None
        return TorchServe(
            config.url,
            management=config.management,
            workers=config.workers,
            connect_s=config.connect_timeout,
        )
    if config.protocol == "tensorflow-serving":
        with ONE_AT_A_TIME:
            from seatrial.adapters.serving.tfserving_server import TfServingGrpc, TfServingHttp

        kind = TfServingGrpc if config.url.startswith("grpc") else TfServingHttp
        return kind(config.url, connect_s=config.connect_timeout)
    if config.url.startswith("grpc"):
        with ONE_AT_A_TIME:
            from seatrial.adapters.serving.oip_grpc import GrpcOip

        return GrpcOip(config.url, connect_s=config.connect_timeout)
    with ONE_AT_A_TIME:
        from seatrial.adapters.serving.oip_http import HttpOip

    return HttpOip(config.url, connect_s=config.connect_timeout)


def open_engine(
    bundle: Bundle, plan: EnginePlan, engines: Engines, *, endpoint: str, version: int, home: str
) -> Elsewhere:
    """The engine of a version whose plan names one elsewhere.

    Args: home: of the workspace, which a model in a repository belongs to.
    Raises: UnknownEngine, MissingExtra.
    """
    assert plan.remote is not None
    config = engine_named(engines, plan.remote)
    mark = Mark(home=home, endpoint=endpoint, version=version, digest=bundle.digest)
    model = config.model_of(endpoint, version, bundle.digest)
    place = None
    if config.repository is not None:
        place = partial(put, bundle, config, mark)
    return Elsewhere(
        open_server(config),
        model,
        bundle.signature,
        place=place,
        connections=config.connections,
    )


def put(bundle: Bundle, config: EngineConfig, mark: Mark) -> bool:
    """Put a version's model into an engine's repository, unless it lies there already.

    What an earlier life of this home left there under the name is replaced.
    Returns: whether it was put there.
    Raises: EngineTaken, GraphUnfit, BundleDiskFull, BundleNotWritten.
    """
    assert config.repository is not None
    repository, model = config.repository, config.model_of(mark.endpoint, mark.version, mark.digest)
    folder = repository / model
    found = mark_in(folder)
    if found is not None and found.home == mark.home and found.digest != mark.digest:
        shutil.rmtree(folder, ignore_errors=True)
    is_new = not folder.exists()
    if is_new:
        with incoming(repository) as fresh:
            _fill(fresh, bundle, config, model=model, mark=mark)
            land(fresh, folder)
    found = mark_in(folder)
    if found is None or found.digest != mark.digest:
        raise EngineTaken(
            f"The model repository {repository} holds another model {model!r}.",
            remedy="Give this workspace a repository of its own, or models other names by "
            "engines.<name>.model.",
            model=model,
        )
    return is_new


def _fill(folder: Path, bundle: Bundle, config: EngineConfig, *, model: str, mark: Mark) -> None:
    """Write what a server's repository holds of a version.   Raises: as `put`."""
    if config.backend == RAY:
        bundle.copy_to(folder / BUNDLE)
        files = {MARK: mark.as_json()}
    else:
        files = _files(bundle, config, model, mark)
    for path, content in files.items():
        write_file(folder, path, [content])


def check_given(bundle: Bundle, config: EngineConfig, endpoint: str) -> None:
    """Say whether an engine whose repository is ours can be given a bundle's model.

    Raises: GraphUnfit.
    """
    if config.repository is not None and config.backend != RAY:  # Ray runs whatever a bundle holds
        nobodys = Mark(home="", endpoint=endpoint, version=0, digest="")
        _files(bundle, config, endpoint, nobodys)


def check_graph(bundle: Bundle, endpoint: str) -> Graph:
    """The graph of a bundle's model, as a server elsewhere can be given it.

    Raises: GraphUnfit.
    """
    if Role.ONNX not in bundle.manifest.artefacts:
        raise GraphUnfit(
            f"The model of {endpoint!r} has no ONNX export that answers as it does, and a server "
            "elsewhere can be given no other form.",
            remedy="Deploy it without --engine: it is then run in a process of its own here.",
        )
    return graph_of(bundle.read(Role.ONNX), bundle.signature)


def _files(bundle: Bundle, config: EngineConfig, model: str, mark: Mark) -> dict[str, bytes]:
    """The files of a version's model folder.   Raises: GraphUnfit."""
    graph = check_graph(bundle, mark.endpoint)
    if config.protocol == "torchserve":
        return {**torchserve.model_files(model, bundle.signature, graph), MARK: mark.as_json()}
    backend, plan = Backend(config.backend), EnginePlan.from_dict(bundle.manifest.plan)
    return model_files(model, bundle.signature, plan, graph, backend=backend, mark=mark)


def mark_in(folder: Path) -> Mark | None:
    """Whose model a folder of a repository holds; None where seatrial did not put it there."""
    try:
        return Mark.of((folder / MARK).read_bytes())
    except OSError:
        return None


def graph_of(content: bytes, signature: Signature) -> Graph:
    """A graph as the forms of other servers are made of it.   Raises: GraphUnfit."""
    with ONE_AT_A_TIME:
        from seatrial.adapters.export.onnx_alone import is_alone
        from seatrial.adapters.export.onnx_place import feature_of
        from seatrial.adapters.serving.onnxruntime import described

    inputs, outputs, takes_tokens = described(content)
    if takes_tokens:
        raise GraphUnfit(
            "The graph takes tokens, and its tokenizer, which makes them of a text, runs in "
            "seatrial only: no other server is given such a graph.",
            remedy="Deploy it without --engine: ONNX Runtime answers here. For a server of your "
            "own, write it with seatrial export; the tokenizer is in its metadata.",
        )
    names = signature.names
    of = {} if signature.matrix else {i.name: feature_of(i.name, names) for i in inputs}
    alone = is_alone(content)
    return Graph(content=content, inputs=inputs, outputs=outputs, feature_of=of, alone=alone)
