"""`seatrial predict`: a file of rows, scored from end to end."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import NAMES, json_option, loading_options, workspace_options
from seatrial.cli.output import Console

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("model")
@click.argument("data", type=_FILE)
@click.option("--into", type=_FILE, required=True, help="File to write: .parquet, .csv or .jsonl.")
@click.option(
    "--keep", type=NAMES, default=(), help="Columns of DATA to write beside the answers: id,region."
)
@click.option(
    "--sample",
    type=_FILE,
    help="Of a model file: clean rows from which its inputs are told.  [default: DATA]",
)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="What a bad row does: end the run, or be left out and described in a file beside INTO.",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Who scores: processes here, or actors of Ray, here or where RAY_ADDRESS says.",
)
@click.option(
    "--workers", type=click.IntRange(1, 1024), help="How many.  [default: one for each core]"
)
@click.option(
    "--batch-rows",
    type=click.IntRange(1, 10_000_000),
    default=50_000,
    show_default=True,
    help="Rows of a piece at most; a few pieces a worker are held at once.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file to write if it is there.")
@loading_options("Load the model file or bundle whatever it imports.")
@workspace_options
@json_option
def predict(
    model: str,
    data: Path,
    into: Path,
    keep: tuple[str, ...],
    sample: Path | None,
    on_error: str,
    engine: str,
    workers: int | None,
    batch_rows: int,
    overwrite: bool,
    trust: bool,
    any_version: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Answer every row of DATA, a Parquet, CSV, JSON Lines or numpy file of any size, with MODEL.

    MODEL is NAME@VERSION of the catalogue, NAME for the version in production, or a path: what
    holds a dot or a slash. A path is a bundle's folder, an archive, or a model file, which is
    packaged first as `seatrial deploy` would.

    Answers come in the order of the rows. INTO appears whole, or not at all.
    """
    from seatrial.wiring.scoring import ScoringOrder, score_file
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    console.head(f"{data} → {into}")
    order = ScoringOrder(
        model=model,
        data=data,
        into=into,
        sample=sample,
        kept=keep,
        engine=engine,
        workers=workers,
        batch_rows=batch_rows,
        skip=on_error == "skip",
        overwrite=overwrite,
        trust=trust,
        any_version=any_version,
    )
    result = score_file(
        open_workspace(home=home, config=config),
        order,
        on_step=console.step,
        on_progress=console.progress,
    )
    rate = result.n_rows / max(result.seconds, 1e-9)
    console.step(
        "ok",
        "score",
        f"{result.n_rows - result.n_bad:,} rows by {result.model} in {result.seconds:,.1f} s, "
        f"{rate:,.0f} a second",
    )
    if result.n_bad:
        console.step("bad", "bad rows", f"{result.n_bad:,} left out: {result.rejected}")
    console.result(result.as_dict())
    return Exit.DONE
