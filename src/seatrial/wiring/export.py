"""A model file in another form: what the command line and the library call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seatrial.packaging.convert import Converted, Wish, convert
from seatrial.packaging.examine import Progress, Say
from seatrial.packaging.sample import Sample
from seatrial.wiring.given import endpoint_of, model_file
from seatrial.wiring.workspace import Workspace


def export_wish(
    workspace: Workspace, wish: Wish, *, on_step: Say, on_progress: Progress
) -> Converted:
    """Write the file.   Raises: as `packaging.convert.convert`."""
    from seatrial.adapters.onnxruntime import OnnxEngine

    mlflow = workspace.settings.registry.url
    with model_file(wish.source.model, say=on_step, mlflow=mlflow) as file:
        return convert(
            replace(wish, source=replace(wish.source, model=file)),
            open_graph=OnnxEngine,
            say=on_step,
            progress=on_progress,
            limits=workspace.settings.server.child_limits(),
        )


def default_target(model: Path, ending: str) -> Path:
    """Where a form is written when nobody says: beside a file, else in the present folder."""
    if model.is_file():
        return model.with_suffix(ending)
    return Path(endpoint_of(model)).with_suffix(ending)


def sample_from(path: Path | None) -> Sample | None:
    """The rows of a file, or None.   Raises: BadSample."""
    from seatrial.adapters.sample_file import read_sample

    return None if path is None else read_sample(path)
