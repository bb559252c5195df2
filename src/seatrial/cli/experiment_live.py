"""`seatrial experiment start|status|widen|stop|outcomes`: on the traffic of an endpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console
from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.desk import ExperimentDesk
from seatrial.experiments.entries import MAX_ENTRIES
from seatrial.kernel.config import load
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import NotFound
from seatrial.kernel.store import Store
from seatrial.wiring.experiments import experiment_desk, look_once
from seatrial.wiring.workspace import Workspace, open_workspace

PREFIX = "SEATRIAL_EXPERIMENT__"


class OutcomesMissing(NotFound):
    """There is no file of outcomes of that name."""

    code = "experiment.outcomes_missing"


_EXITS = {"ship": Exit.DONE, "do_not_ship": Exit.GATE_FAILED, "inconclusive": Exit.INCONCLUSIVE}


@click.command()
@click.argument("name", required=False)
@click.option(
    "--design",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write this file experiment.yaml down and start it.",
)
@click.option("--draft", is_flag=True, help="Only write it down; it is started later, by its name.")
@workspace_options
@json_option
def start(
    name: str | None,
    design: Path | None,
    draft: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Split the requests of an endpoint as an experiment says, from now on."""
    console = Console(as_json=as_json)
    if (name is None) == (design is None):
        raise click.UsageError("Give the NAME of one that is written down, or --design.")
    with _desk(home, config) as (_, _, desk):
        if design is not None:
            file = load(design, ExperimentFile, os.environ, prefix=PREFIX)
            record = desk.draft(file, by=whoami())
            console.step("ok", "written down", record["experiment"])
            name = file.experiment
        assert name is not None  # one of them is given
        if not draft:
            record = desk.start(name, by=whoami())
            console.step("ok", "started", f"the requests of {record['endpoint']} are split")
    _show_variants(console, record)
    console.result(record)
    return Exit.DONE


@click.command()
@click.argument("name", required=False)
@workspace_options
@json_option
def status(name: str | None, home: Path | None, config: Path | None, as_json: bool) -> int:
    """All experiments; or what is known of NAME by now.

    Exit code of one that is decided: 0 ship, 3 do not ship; 4 for all others.
    """
    console = Console(as_json=as_json)
    with _desk(home, config) as (workspace, store, desk):
        if name is None:
            records = desk.all()
            for one in records:
                console.say(_line(one))
            if not records:
                console.say("No experiment yet. Start one with: seatrial experiment start --design")
            console.result(records)
            return Exit.DONE
        look_once(workspace, store)
        record = desk.view(name)
    _show(console, record)
    console.result(record)
    return _EXITS.get(str(record["outcome"]), Exit.INCONCLUSIVE)


@click.command()
@click.argument("name")
@click.option(
    "--traffic",
    type=click.FloatRange(0, 1, min_open=True),
    required=True,
    help="Share of the users it could have that it takes from now on; more than before.",
)
@workspace_options
@json_option
def widen(name: str, traffic: float, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Let an experiment that runs take more users; nobody leaves the variant they met."""
    console = Console(as_json=as_json)
    with _desk(home, config) as (_, _, desk):
        record = desk.widen(name, traffic, by=whoami())
    console.step("ok", "widened", f"{traffic:g} of the users of {record['endpoint']} are in it")
    console.result(record)
    return Exit.DONE


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the history.")
@workspace_options
@json_option
def stop(name: str, reason: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """End an experiment without a decision: everybody gets the version in production."""
    console = Console(as_json=as_json)
    with _desk(home, config) as (_, _, desk):
        record = desk.stop(name, by=whoami(), reason=reason)
    console.step("ok", "stopped", f"{record['endpoint']} gives everybody the version in production")
    console.result(record)
    return Exit.DONE


@click.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@workspace_options
@json_option
def outcomes(name: str, file: Path, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Hand in what came of users: CSV, Parquet, JSON or JSON Lines.

    A row has user, metric, value, the id of the outcome and, where it was not just now, at. What
    comes twice under one user, metric and id counts once, so a file may be handed in again.
    """
    from seatrial.adapters.labels.outcome_files import read_outcomes

    console = Console(as_json=as_json)
    if not file.is_file():
        raise OutcomesMissing(
            f"There is no file {str(file)!r}.", remedy="Give the path of the outcomes."
        )
    rows = read_outcomes(file.read_bytes())
    n = 0
    with _desk(home, config) as (_, _, desk):
        for first in range(0, max(1, len(rows)), MAX_ENTRIES):
            n += desk.add(name, rows[first : first + MAX_ENTRIES])["n"]
    console.step("ok", "outcomes", f"{n:,} of {name}, counted at the next look")
    console.result({"experiment": name, "n": n})
    return Exit.DONE


@contextmanager
def _desk(
    home: Path | None, config: Path | None
) -> Iterator[tuple[Workspace, Store, ExperimentDesk]]:
    workspace = open_workspace(home=home, config=config)
    store = workspace.open_store()
    try:
        yield workspace, store, experiment_desk(store)
    finally:
        store.close()


def _line(record: dict[str, Any]) -> str:
    ended = record["outcome"] or record["reason"]
    told = f"  {ended}" if ended else ""
    return f"{record['experiment']}  {record['phase']}  {record['endpoint']}{told}"


def _show(console: Console, record: dict[str, Any]) -> None:
    for_ = "" if record["ran_s"] is None else f", {show_duration(record['ran_s'])}"
    title = f"{record['experiment']}  {record['phase']}{for_}  ({record['endpoint']})"
    console.say(click.style(title, bold=True))
    if record["reason"]:
        console.say(f"  {record['reason']}")
    judgement = record["judgement"]
    if judgement is not None:
        console.say(f"  {judgement['said']['en']}")
        _show_counts(console, record)
    elif record["phase"] in ("starting", "running"):
        console.say("  not looked at yet")
    if record["problem"]:
        console.say(f"  it cannot be looked at: {record['problem']}")
    _show_variants(console, record)
    for metric in judgement["metrics"] if judgement is not None else ():
        console.say(f"  {_effect(metric)}")


def _show_counts(console: Console, record: dict[str, Any]) -> None:
    counts = record["counts"]
    console.say(
        f"  {counts['n_units']:,} users, {counts['n_outcomes']:,} outcomes"
        f"; again {counts['n_repeated']:,}, of nobody who met a variant {counts['n_unexposed']:,}"
    )
    if counts["n_changed"]:
        console.say(f"  {counts['n_changed']:,} came again with another value: the first counts")
    if counts["n_dropped"]:
        console.say(f"  {counts['n_dropped']:,} not kept: there are too many")


def _show_variants(console: Console, record: dict[str, Any]) -> None:
    judgement = record.get("judgement")
    counts = {} if judgement is None else judgement["split"]["counts"]
    for one in record["variants"]:
        said = f"{one['variant']}: version {one['version']}, {one['share']:.3g} of them"
        if one["variant"] in counts:
            said += f", {counts[one['variant']]:,} users"
        requests = one.get("requests")
        if requests and requests["n"]:
            said += f", {requests['n']:,} requests, p95 {requests['p95_ms']:.3g} ms"
            said += f", errors {requests['error_rate']:.2%}"
            if "cost_usd" in requests:
                said += f", {requests['cost_usd']:.3g} USD each"
            if "score" in requests:
                said += f", score {requests['score']:.3g}"
        console.say(f"  {said}")


def _effect(metric: dict[str, Any]) -> str:
    low, high = ("?" if end is None else f"{end:+.4g}" for end in metric["interval"])
    change = "?" if metric["difference"] is None else f"{metric['difference']:+.4g}"
    guard = f", {metric['guard']}" if metric["guard"] else ""
    name, variant, role = metric["metric"], metric["variant"], metric["role"]
    return f"{name} ({role}{guard}) of {variant}: {change} ({low} … {high})"
