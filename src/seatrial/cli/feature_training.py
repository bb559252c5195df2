"""`seatrial features training-set`: rows to train on, with what was known at their times."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.feature_options import repository_option, which_option
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.features.training_set import ROWS_AT_ONCE
from seatrial.wiring.workspace import open_workspace

_WIDTH = 30


@click.command("training-set")
@click.argument("entities", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The Parquet file to write; what is there is replaced at the end.",
)
@click.option(
    "--endpoint",
    help="The features of this endpoint as it is served: under the names of its model's inputs, "
    "with its max_age and defaults.",
)
@which_option
@click.option(
    "--time",
    "time_column",
    default="event_timestamp",
    show_default=True,
    help="Column that says as of when the features of a row are wanted.",
)
@click.option("--timezone", help="Of times that name none, such as UTC.  [default: refuse them]")
@click.option(
    "--rows-at-once",
    type=click.IntRange(1, 10_000_000),
    default=ROWS_AT_ONCE,
    show_default=True,
    help="Rows joined and held in memory.",
)
@repository_option
@workspace_options
@json_option
def training_set(
    entities: Path,
    out: Path,
    endpoint: str | None,
    service: str | None,
    features: tuple[str, ...],
    time_column: str,
    timezone: str | None,
    rows_at_once: int,
    repository: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Join features to the rows of ENTITIES as they were known at the time of each row.

    ENTITIES is a Parquet or CSV file with the join keys, a time, and whatever else is to be kept,
    such as the label. No value is newer than its row's time or older than the TTL of its view.
    """
    from seatrial.wiring.training.sets import TrainingOrder, write_training_set

    if sum((endpoint is not None, service is not None, bool(features))) != 1:
        raise click.UsageError("Give one of --endpoint, --service and --feature.")
    console = Console(as_json=as_json)
    order = TrainingOrder(
        entities=entities,
        into=out,
        endpoint=endpoint,
        service=service,
        features=features,
        time_column=time_column,
        zone=timezone,
        rows_at_once=rows_at_once,
        repository=repository,
    )
    written = write_training_set(
        open_workspace(home=home, config=config),
        order,
        told=lambda done, of: console.progress("join", _so_far(done, of)),
    )
    for one in written.columns:
        share = one.n_null / written.n_rows
        mark = "note" if share > 0.5 else "ok"
        source = "" if one.name == one.reference.partition(":")[2] else f" ({one.reference})"
        console.step(mark, "column", f"{one.name}{source}: {share:.1%} without a value that counts")
    console.step("ok", "wrote", f"{out}: {written.n_rows:,} rows")
    console.result(
        {
            "path": str(written.path),
            "n_rows": written.n_rows,
            "sha256": written.digest,
            "columns": [
                {"name": one.name, "feature": one.reference, "n_null": one.n_null}
                for one in written.columns
            ],
        }
    )
    return Exit.DONE


def _so_far(done: int, of: int | None) -> str:
    if not done:
        return "Feast is started, which takes some ten seconds"
    if not of:
        return f"{done:,} rows"
    full = round(_WIDTH * done / of)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}] {done:,} of {of:,} rows"
