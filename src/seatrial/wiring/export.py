"""A model file in another form: what the command line and the library call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seatrial.packaging.convert import Converted, NoWay, Target, Wish, convert
from seatrial.packaging.examine import Progress, Say
from seatrial.packaging.sample import Sample
from seatrial.packaging.torchserve import CONFIG, model_archive, server_config
from seatrial.packaging.triton import GraphUnfit
from seatrial.registry.signature import Signature
from seatrial.wiring.given import endpoint_of, model_file
from seatrial.wiring.remote_engines import graph_of
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
    Raises: as `wiring.given.model_file` and `packaging.convert.convert`.
    """
    from seatrial.adapters.onnxruntime import OnnxEngine

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


def default_target(model: Path, ending: str) -> Path:
    """Where a form is written when nobody says: beside what is there, else in this folder."""
    if model.exists():
        return model.with_suffix(ending)
    return Path(endpoint_of(model)).with_suffix(ending)


def sample_from(path: Path | None) -> Sample | None:
    """The rows of a file, or None.   Raises: BadSample."""
    from seatrial.adapters.sample_file import read_sample

    return None if path is None else read_sample(path)
