"""Commands that write files of the watch, or read its past: rules, dashboard, backfill."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.monitor_options import file_option, home_option, read_file
from seatrial.cli.monitor_show import window_text
from seatrial.cli.options import DURATION, json_option
from seatrial.cli.output import Console
from seatrial.monitoring.rows.window import Windows
from seatrial.monitoring.watching.config import MonitoringConfig
from seatrial.packaging.grafana import Language
from seatrial.wiring.workspace import open_workspace


def _config(config: Path | None, home: Path | None) -> tuple[MonitoringConfig, bool]:
    """The configuration, and whether seatrial serves what it is about."""
    if config is None:
        return open_workspace(home=home).settings.monitoring, True
    file, _ = read_file(config)
    return file, file.data is None


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write rules.yml and prometheusrule.yaml to.",
)
@file_option(required=False)
@home_option
@json_option
def rules(out: Path, config: Path | None, home: Path | None, as_json: bool) -> int:
    """Write alerting rules for Prometheus, as a file and for its operator."""
    from seatrial.wiring.watching.files import write_rules

    console = Console(as_json=as_json)
    settings, serves = _config(config, home)
    paths = write_rules(out, settings.service, serves=serves)
    for path in paths:
        console.say(f"  {path}")
    console.result([str(path) for path in paths])
    return Exit.DONE


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write, such as dashboard.json.",
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@file_option(required=False)
@home_option
@json_option
def dashboard(
    out: Path, language: str, config: Path | None, home: Path | None, as_json: bool
) -> int:
    """Write a dashboard to import into Grafana."""
    from seatrial.wiring.watching.files import write_dashboard

    console = Console(as_json=as_json)
    settings, _ = _config(config, home)
    path = write_dashboard(out, settings.service, language=Language(language))
    console.say(f"  {path}")
    console.result(str(path))
    return Exit.DONE


@click.command()
@click.argument("endpoint")
@click.option(
    "--from",
    "log",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of its prediction log.  [default: that of the workspace]",
)
@click.option(
    "--every", type=DURATION, help="Length of a window, such as 1h.  [default: as the server's]"
)
@click.option("--rows", type=click.IntRange(1), help="Rows of a window, in place of a length.")
@home_option
@json_option
def backfill(
    endpoint: str,
    log: Path | None,
    every: float | None,
    rows: int | None,
    home: Path | None,
    as_json: bool,
) -> int:
    """Say what the watch would have said of the past, from the server's prediction log.

    Nothing is kept, and nobody is told. The log is a sample: server.log_sample_rate of all
    predictions.
    """
    from seatrial.wiring.watching.backfill import backfilled, log_folder

    if every is not None and rows is not None:
        raise click.UsageError("Give either --every or --rows.")
    console = Console(as_json=as_json)
    workspace = open_workspace(home=home)
    length_s = every or workspace.settings.monitoring.windows.every
    windows = Windows(n_rows=rows) if rows else Windows(every_s=max(1, round(length_s)))
    found: list[dict[str, object]] = []
    n_alarms = 0
    for past in backfilled(
        workspace, endpoint, log=log or log_folder(workspace, endpoint), windows=windows
    ):
        console.say(f"  version {past.version}  {window_text(past.report)}")
        found.append({"version": past.version, "report": past.report})
        n_alarms += past.report["alarm"]["alarm"]
    console.say(f"{len(found)} windows, {n_alarms} with an alarm.")
    console.result(found)
    return Exit.DONE


COMMANDS = (rules, dashboard, backfill)
