"""`seatrial export`: a model file in another form, compared with the original."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, loading_options, workspace_options
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.packaging.source import Source
    from seatrial.wiring.workspace import Workspace

_FILE = click.Path(path_type=Path, dir_okay=False)
_SUFFIX = {
    "mar": ".mar",
    "onnx": ".onnx",
    "ray-serve": ".ray",
    "savedmodel": ".savedmodel",
    "tf-serving": ".tf-serving",
    "torchscript": ".ts",
}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--to", type=click.Choice(sorted(_SUFFIX)), default="onnx", show_default=True, help="The form."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="File or folder to write.  [default: MODEL with the form's ending]",
)
@click.option("--name", help="Of TF Serving: the model's name.  [default: MODEL's]")
@click.option("--data", type=_FILE, help="Rows to compare on: Parquet, CSV, JSON, .npz or .npy.")
@click.option("--label", help="Column of the rows that the model predicts.")
@click.option("--class", "code", help="Of a PyTorch state dict: module:callable that makes it.")
@click.option("--signature", help="Of a SavedModel: which one.  [default: serving_default]")
@click.option("--int8", is_flag=True, help="Make the weights int8; loss and gain are measured.")
@loading_options("Load the file whatever it imports: it runs its code.")
@workspace_options
@json_option
def export(
    model: Path,
    to: str,
    output: Path | None,
    name: str | None,
    data: Path | None,
    label: str | None,
    code: str | None,
    signature: str | None,
    int8: bool,
    trust: bool,
    any_version: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Write MODEL, a trained model file or SavedModel folder, in another form, for another engine.

    The new file is held against the original on the rows given, on rows made up and on rows at its
    edges; one that answers otherwise is not written. With --int8 the answers differ, and how far is
    said, and what it brings. An archive for TorchServe (--to mar) runs the graph, and gets a
    config.properties beside it where none is. For TF Serving (--to tf-serving) a SavedModel is put
    into the folder NAME/VERSION of --output, and named in the models.config there. For Ray Serve
    (--to ray-serve) a folder is written with the bundle that a deployment would serve; MODEL may
    then be an archive of `bundle pack`.
    """
    from seatrial.packaging.source import Source
    from seatrial.packaging.wish import NoWay, Target, Wish
    from seatrial.registry.naming import check_name
    from seatrial.wiring.deploying.export import default_target, export_wish, sample_from
    from seatrial.wiring.deploying.given import endpoint_of
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    ending = (".int8" if int8 else "") + _SUFFIX[to]
    target = output or default_target(model, ending)
    console.head(f"{model} → {target}")
    source = Source(
        model=model,
        name=check_name(name or endpoint_of(model)),
        sample=sample_from(data),
        label=label,
        trust=trust,
        any_version=any_version,
    )
    workspace = open_workspace(home=home, config=config)
    if to == "ray-serve":
        if int8 or code is not None:
            raise NoWay(
                "Ray Serve is given what a deployment would serve: no --int8 and no --class.",
                remedy="Write an ONNX graph with it first, then export that file.",
            )
        _write_application(console, workspace, source, target, signature)
        return Exit.DONE
    made = export_wish(
        workspace,
        Wish(source=source, to=Target(to), output=target, code=code, int8=int8),
        signature=signature,
        on_step=console.step,
        on_progress=console.progress,
    )
    console.result(
        {
            "output": str(made.output),
            "bytes": made.n_bytes,
            "opset": dict(made.opset),
            "parity": made.parity.as_dict(),
            "int8": None if made.quantized is None else made.quantized.as_dict(),
        }
    )
    return Exit.DONE


def _write_application(
    console: Console, workspace: Workspace, source: Source, target: Path, signature: str | None
) -> None:
    from seatrial.wiring.deploying.ray_export import export_application

    bundle = export_application(
        workspace,
        source,
        target,
        signature=signature,
        say=console.step,
        progress=console.progress,
    )
    console.result({"output": str(target), "bytes": bundle.n_bytes, "digest": bundle.digest})
