"""A model file in another form: what the command line and the library call."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seatrial.packaging.convert import convert
from seatrial.packaging.examine import Progress, Say
from seatrial.packaging.sample import Sample
from seatrial.packaging.tf_serving import MODELS, replace_file, tell_server
from seatrial.packaging.torchserve import CONFIG, model_archive, server_config
from seatrial.packaging.triton import GraphUnfit
from seatrial.packaging.wish import Converted, NoWay, Target, Wish
from seatrial.registry.signature import Signature
from seatrial.wiring.deploying.given import endpoint_of, model_file
from seatrial.wiring.deploying.remote_engines import graph_of
from seatrial.wiring.workspace import Workspace


def export_wish(
    workspace: Workspace,
    wish: Wish,
    *,
    signature: str | None = None,
    on_step: Say,
    on_progress: Progress,
) -> Converted:
    """Write the file.

    Args: signature: of a SavedModel, which one; None for the usual one.
    Raises: as `wiring.deploying.given.model_file` and `packaging.convert.convert`.
    """
    from seatrial.adapters.serving.onnxruntime import OnnxEngine

    mlflow = workspace.settings.registry.url
    given = wish.source.model
    with model_file(given, say=on_step, mlflow=mlflow, signature=signature) as file:
        made = convert(
            replace(wish, source=replace(wish.source, model=file)),
            open_graph=OnnxEngine,
            archive=_archive,
            say=on_step,
            progress=on_progress,
            limits=workspace.settings.server.child_limits(),
        )
    if wish.to is Target.MAR:
        _configure(made.output, on_step)
    if wish.to is Target.TF_SERVING:
        _list(made.output, on_step)
    return made


def _archive(name: str, signature: Signature, graph: bytes) -> bytes:
    try:
        return model_archive(name, signature, graph_of(graph, signature))
    except GraphUnfit as unfit:
        raise NoWay(unfit.problem, remedy="Write it with --to onnx, or deploy it.") from unfit


def _configure(archive: Path, say: Say) -> None:
    """Write a server's configuration beside an archive, unless there is one."""
    config = archive.with_name(CONFIG)
    try:
        with config.open("xb") as file:
            file.write(server_config(archive.name))
    except FileExistsError:
        say("note", "config", f"{config} is there already: add {archive.name} to its load_models")
    else:
        say("ok", "config", str(config))


def _list(version: Path, say: Say) -> None:
    """Name a version in the list of its server, and write what else a server is told.

    Raises: MissingExtra, BundleDiskFull, BundleNotWritten.
    """
    from seatrial.adapters.serving.tfserving_config import NotOurs, with_version

    model, repository = version.parent, version.parents[1]
    for written in tell_server(repository, version):
        say("ok", "config", str(written))
    config = repository / MODELS
    with _alone(repository):
        number, base = int(version.name), str(model.resolve())
        try:
            text = config.read_text("utf-8") if config.exists() else ""
            listed = with_version(text, name=model.name, base_path=base, version=number)
        except (NotOurs, UnicodeDecodeError) as problem:
            say("note", "config", f"{config} is left alone ({problem}): add version {number} to it")
            return
        replace_file(repository, MODELS, listed.text)
    if listed.label is None:
        said = f"has no label yet: give it one in {config} once the server has loaded it"
    else:
        said = f"is {listed.label} in {config}"
    say("ok" if listed.label else "note", "config", f"version {number} {said}")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else of ours changes files of the folder meanwhile."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def default_target(model: Path, ending: str) -> Path:
    """Where a form is written when nobody says: beside what is there, else in this folder."""
    if model.exists():
        return model.with_suffix(ending)
    return Path(endpoint_of(model)).with_suffix(ending)


def sample_from(path: Path | None) -> Sample | None:
    """The rows of a file, or None.   Raises: BadSample."""
    from seatrial.adapters.tables.sample_file import read_sample

    return None if path is None else read_sample(path)
