"""A model file or an archive as a folder that Ray Serve starts: the bundle, and two small files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.packaging.examine import Progress, Say
from seatrial.packaging.rayserve import BUNDLE, CONFIG, application_files, scale_of
from seatrial.packaging.source import Source
from seatrial.packaging.wish import NoWay
from seatrial.registry.archive import is_archive
from seatrial.registry.bundle import Bundle
from seatrial.registry.incoming import incoming, land, write_file
from seatrial.wiring.deploying.given import model_file
from seatrial.wiring.deploying.versions import plan_here
from seatrial.wiring.workspace import Workspace


def export_application(
    workspace: Workspace,
    source: Source,
    output: Path,
    *,
    signature: str | None = None,
    say: Say,
    progress: Progress,
) -> Bundle:
    """Write the folder, which must not be there yet; returns the bundle in it.

    Args:
        source: its model may be an archive, as `seatrial bundle pack` writes it.
        signature: of a SavedModel, which one; None for the usual one.
    Raises: NoWay; as `wiring.deploying.given.model_file` and `packaging.assemble.assemble`, or
        `wiring.deploying.intake.take_in`; BundleDiskFull, BundleNotWritten. Nothing is left then.
    """
    if output.exists():
        raise NoWay(f"{output} is there already.", remedy="Name a new folder with --output.")
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        bundle = _bundle(
            workspace, source, Path(scratch), signature=signature, say=say, progress=progress
        )
        files = application_files(
            bundle.manifest.name, scale_of(plan_here(bundle)), folder=str(output.resolve())
        )
        with incoming(output.parent) as fresh:
            bundle.copy_to(fresh / BUNDLE)
            for path, content in files.items():
                write_file(fresh, path, [content])
            if not land(fresh, output):
                raise NoWay(f"{output} is there already.", remedy="Name a new one with --output.")
    say("ok", "folder", f"{output}: serve run {output / CONFIG}")
    return Bundle.open(output / BUNDLE)


def _bundle(
    workspace: Workspace,
    source: Source,
    root: Path,
    *,
    signature: str | None,
    say: Say,
    progress: Progress,
) -> Bundle:
    if is_archive(source.model):
        from seatrial.wiring.deploying.intake import take_in

        return take_in(source.model, root, name=None, trust=source.trust)
    from seatrial.adapters.serving.onnxruntime import OnnxEngine
    from seatrial.packaging.assemble import assemble

    mlflow, limits = workspace.settings.registry.url, workspace.settings.server.child_limits()
    with model_file(source.model, say=say, mlflow=mlflow, signature=signature) as file:
        made = assemble(
            replace(source, model=file),
            root,
            open_graph=OnnxEngine,
            limits=limits,
            say=say,
            progress=progress,
        )
    return made.bundle
