"""`seatrial labels`: hand in what came true, see how it stands, plan what to label by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.monitor_options import read_file
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.cli.page_file import write_output
from seatrial.cli.performance_show import performance_lines
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import Invalid, NotFound
from seatrial.monitoring.performance.label_desk import MAX_LABELS, LabelDesk, Planned
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.wiring.watching.folder import WatchFolder
from seatrial.wiring.watching.performance import LabelFiles
from seatrial.wiring.workspace import open_workspace


class LabelsMissing(NotFound):
    """There is no file of labels of that name."""

    code = "labels.missing"


_watch_option = click.option(
    "--watch",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file monitoring.yaml: the labels are of the log that it names, not of the workspace's "
    "server.",
)


@click.group()
def labels() -> None:
    """Labels: what came true, for predictions that were logged."""


@labels.command()
@click.argument("endpoint")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--id", "id_column", help="Column of the prediction id.  [default: id]")
@click.option("--label", "label_column", help="Column of what came true.  [default: label]")
@_watch_option
@workspace_options
@json_option
def add(
    endpoint: str,
    file: Path,
    id_column: str | None,
    label_column: str | None,
    watch: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Hand in the labels in FILE: CSV, Parquet, JSON or JSON Lines.

    The id is what the reply carried as x-request-id; rows of a batch are ID/0, ID/1 and so on. A
    label for the same id replaces the one before. Rows without a label are left out, so a sheet of
    `seatrial labels plan` may be handed in half done.
    """
    from seatrial.adapters.labels.label_files import read_labels

    console = Console(as_json=as_json)
    if not file.is_file():
        raise LabelsMissing(
            f"There is no file {str(file)!r}.", remedy="Give the path of the labels."
        )
    pairs = read_labels(file.read_bytes(), id_column=id_column, label_column=label_column)
    total: dict[str, Any] = {}
    with _desk(endpoint, home, config, watch) as at:
        for start in range(0, max(1, len(pairs)), MAX_LABELS):
            _add_up(total, at.desk.add(endpoint, pairs[start : start + MAX_LABELS]))
    n_given = total["n"] - total["n_empty"]
    console.step(
        "ok", "labels", f"{n_given:,} handed in, {total['n_known']:,} of known predictions"
    )
    if total["n_unknown"]:
        console.step(
            "note",
            "unknown",
            f"{total['n_unknown']:,} ids such as {', '.join(total['unknown'])}: not logged, "
            "logged too long ago, or not yet; they wait a while",
        )
    if total["n_unexpected"]:
        examples = ", ".join(map(repr, total["unexpected"]))
        console.step(
            "note",
            "unexpected",
            f"{total['n_unexpected']:,} labels such as {examples}: "
            "no class of the model, which counts as a wrong prediction, or no number",
        )
    console.result(total)
    return Exit.DONE


@labels.command()
@click.argument("endpoint")
@_watch_option
@workspace_options
@json_option
def status(
    endpoint: str, watch: Path | None, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """How many labels of ENDPOINT came, and what they say of its versions."""
    console = Console(as_json=as_json)
    with _desk(endpoint, home, config, watch) as at:
        record = at.desk.status(endpoint)
    console.say(click.style(endpoint, bold=True))
    console.say(f"  waiting     {record['n_waiting']:,} labels for the monitor or their prediction")
    if record["n_unknown"]:
        console.say(
            f"  dropped     {record['n_unknown']:,} labels: their prediction never came to be known"
        )
    for version, one in record["versions"].items():
        for line in _lines(version, one):
            console.say(line)
    if not record["versions"]:
        console.say("  nothing is known yet: no server watches, or no version has a reference")
    console.result(record)
    return Exit.DONE


@labels.command()
@click.argument("endpoint")
@click.option("--n", "n", type=click.IntRange(1, 10_000), help="How many.  [default: 50]")
@click.option(
    "--within",
    type=click.FloatRange(min=0, min_open=True),
    help="As many as tell the accuracy or error to so much, such as 0.02 for 2 points, 90 % sure.",
)
@click.option("--version", type=int, help="Whose predictions.  [default: the newest]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The sheet to write, CSV.  [default: labels-ENDPOINT.csv]",
)
@_watch_option
@workspace_options
@json_option
def plan(
    endpoint: str,
    n: int | None,
    within: float | None,
    version: int | None,
    out: Path | None,
    watch: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Choose predictions of ENDPOINT to label by hand, and write them with their features.

    They are chosen by a hash of their id, from the newest complete window: few, and without bias.
    Label all of them, the hard ones too, and hand the sheet in with `seatrial labels add`.
    """
    from seatrial.adapters.tables.parquet_log import folder_name
    from seatrial.monitoring.performance.label_desk import LABELS

    if n is not None and within is not None:
        raise click.UsageError("Give --n or --within, not both.")
    console = Console(as_json=as_json)
    with _desk(endpoint, home, config, watch) as at:
        planned = at.desk.plan(
            endpoint, n or LABELS, within=within, version=version, rules=at.rules
        )
        path = out or Path(f"labels-{folder_name(endpoint)}.csv")
        write_output(path, at.sheet(planned), option="--out")
    done = f", {planned.n_labelled} more have labels" if planned.n_labelled else ""
    console.step(
        "ok",
        "plan",
        f"{len(planned.rows)} of {planned.n:,} predictions of version {planned.version}, window "
        f"{planned.window}{done}: {path}",
    )
    offer = planned.offer
    console.step(
        "note", "interval", f"their accuracy or error to ± {offer['half_width']:.3g} (90 %)"
    )
    if offer["reason"]:
        console.step("note", "power", offer["reason"])
    console.result(
        {
            "endpoint": endpoint,
            "version": planned.version,
            "window": planned.window,
            "ids": list(planned.rows.ids),
            "n_labelled": planned.n_labelled,
            "offer": offer,
            "file": str(path),
        }
    )
    return Exit.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """Where labels are kept, and how a sheet of predictions to label is made there."""

    desk: LabelDesk
    rules: PerformanceRules
    sheet: Callable[[Planned], str]


@contextmanager
def _desk(
    endpoint: str, home: Path | None, config: Path | None, watch: Path | None
) -> Iterator[_At]:
    from seatrial.wiring.watching.label_sheet import log_sheet, sheet
    from seatrial.wiring.watching.log_performance import LABELS

    now = SystemClock().now
    logs: tuple[str, ...] = ()
    if watch is None:
        workspace = open_workspace(home=home, config=config)
        store = workspace.open_store()
        files = LabelFiles(workspace.labels)
        rules = workspace.settings.monitoring.performance.rules()

        def made(planned: Planned) -> str:
            return sheet(workspace, store, endpoint, planned)
    else:
        file, folder = read_file(watch)
        if file.data is None:
            raise Invalid(
                f"{watch} names no data, so its labels are those of the workspace's server.",
                remedy="Leave --watch out.",
                field="data",
            )
        out = WatchFolder.of(file, folder)
        out.make()
        store = out.open_store()
        files, logs = LabelFiles(out.path / LABELS), (file.endpoint,)
        rules = file.performance.rules()

        def made(planned: Planned) -> str:
            return log_sheet(file, folder=folder, planned=planned)

    try:
        yield _At(desk=LabelDesk(store, files, now=now, logs=logs), rules=rules, sheet=made)
    finally:
        store.close()


def _add_up(total: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if name.startswith("n"):
            total[name] = total.get(name, 0) + value
        elif isinstance(value, list):
            total[name] = [*total.get(name, []), *value][:5]
        else:
            total[name] = value


def _lines(version: str, one: dict[str, Any]) -> Iterator[str]:
    n = f"{one['n_labelled']:,} of {one['n_seen']:,}"
    yield f"  version {version}   {n} logged predictions have labels"
    for line in performance_lines(one):
        yield f"  {line}"
