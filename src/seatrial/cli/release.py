"""Commands about what is served: status, promote, rollback, history."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console
from seatrial.cli.show import fact_line, show_endpoint, versions_lines
from seatrial.release.desk import Desk
from seatrial.release.rollout import MODEL
from seatrial.wiring.background import running
from seatrial.wiring.workspace import open_workspace


def _desk(home: Path | None, config: Path | None) -> Desk:
    return Desk(open_workspace(home=home, config=config).open_store())


def _server(home: Path | None, config: Path | None) -> str | None:
    """Where the server of this home listens, whether or not it can write to the store."""
    found = running(open_workspace(home=home, config=config))
    return found.address if found else None


@click.command()
@click.argument("name", required=False)
@workspace_options
@json_option
def status(name: str | None, home: Path | None, config: Path | None, as_json: bool) -> int:
    """What is served, and where releases stand."""
    console = Console(as_json=as_json)
    desk = _desk(home, config)
    records: list[dict[str, Any]] = [desk.view(name)] if name else desk.views()
    server = _server(home, config)
    for record in records:
        show_endpoint(console, record, server=server)
        if name and record["kind"] != MODEL:
            metrics = desk.metrics(name, now=datetime.now(UTC))
            record["versions"] = metrics["totals"]
            console.say("  last 15 minutes")
            for line in versions_lines(record["versions"]):
                console.say(f"    {line}")
    if not records:
        console.say("Nothing is deployed yet. Start with: seatrial deploy model.pkl --name NAME")
    console.result(records[0] if name else records)
    return Exit.DONE


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="Why, for the history.")
@workspace_options
@json_option
def promote(name: str, reason: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Give the version on trial all traffic, whatever the gates have said so far."""
    console = Console(as_json=as_json)
    record = _desk(home, config).promote(name, by=whoami(), reason=reason)
    show_endpoint(console, record, server=_server(home, config))
    console.result(record)
    return Exit.DONE


@click.command()
@click.argument("name")
@click.option("--to", "version", type=int, help="Version to return to.")
@click.option("--reason", default="", help="Why, for the history.")
@workspace_options
@json_option
def rollback(
    name: str,
    version: int | None,
    reason: str,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """End the trial under way; without one, return to the version before."""
    console = Console(as_json=as_json)
    record = _desk(home, config).roll_back(name, to=version, by=whoami(), reason=reason)
    show_endpoint(console, record, server=_server(home, config))
    console.result(record)
    return Exit.DONE


@click.command()
@click.argument("name")
@workspace_options
@json_option
def history(name: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Every fact of an endpoint, oldest first."""
    console = Console(as_json=as_json)
    records = _desk(home, config).history(name)
    for record in records:
        console.say(fact_line(record))
    console.result(records)
    return Exit.DONE
