"""`seatrial size`: replicas, resources and cost for a wanted load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import NumberType, json_option, workspace_options
from seatrial.cli.output import Console

_POSITIVE = NumberType(0, min_open=True)


@click.command()
@click.argument("version", metavar="NAME[@VERSION]")
@click.option("--rps", type=_POSITIVE, required=True, help="Requests a second, of all replicas.")
@click.option("--p95-ms", type=_POSITIVE, required=True, help="What 95 of 100 answers may take.")
@click.option(
    "--prices",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Price table (YAML) by which a month is reckoned.",
)
@click.option("--write", is_flag=True, help="Write the figures into the version's manifests.")
@workspace_options
@json_option
def size(
    version: str,
    rps: float,
    p95_ms: float,
    prices: Path | None,
    write: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Say what a version needs for a load: replicas, CPU, memory, scaling and cost.

    It is reckoned from what the version's staging measured on this machine, with one replica more
    than needed, so that one may be lost. Without @VERSION it is the version in production, or the
    newest where none is.
    """
    from seatrial.packaging.replica_prices import read_prices
    from seatrial.packaging.replicas import Wanted
    from seatrial.wiring.deploying.bundles import parse_subject
    from seatrial.wiring.deploying.cluster import numbered
    from seatrial.wiring.deploying.sizing import sized, write_sized
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    table = None if prices is None else read_prices(prices)
    workspace = open_workspace(home=home, config=config)
    subject = numbered(workspace, parse_subject(version))
    found = sized(workspace, subject, Wanted(rps=rps, p95_s=p95_ms / 1e3))
    record: dict[str, Any] = {
        "name": subject.name,
        "version": subject.number,
        "rps": rps,
        "p95_ms": p95_ms,
        "replicas": found.n,
        "max_replicas": found.most,
        "target_cpu": found.cpu_percent,
        "cpu_m": found.resources.cpu_m,
        "memory_mib": found.resources.memory_mib,
        "used_share": found.used_share,
        "used_share_one_lost": found.used_share_one_lost,
        "p95_bound_ms": 1e3 * found.p95_s,
        "p95_bound_one_lost_ms": 1e3 * found.p95_s_one_lost,
        "why": found.resources.why,
        "month": None,
    }
    if table is not None:
        record["month"] = {
            "currency": table.currency,
            "cost": str(table.monthly(found.n, found.resources)),
            "most": str(table.monthly(found.most, found.resources)),
        }
    if write:
        write_sized(workspace, subject, found)
    for line in _lines(record):
        console.say(line)
    console.result(record)
    return Exit.DONE


def _lines(r: dict[str, Any]) -> list[str]:
    """The record for a person."""
    lost = f"{100 * r['used_share_one_lost']:.0f} %, p95 under {r['p95_bound_one_lost_ms']:.3g} ms"
    lines = [
        f"{r['name']}@{r['version']} for {r['rps']:g} requests a second, p95 {r['p95_ms']:g} ms:",
        f"  replicas   {r['replicas']} to {r['max_replicas']}, one more above {r['target_cpu']} % "
        "of the CPU request",
        f"  each       {r['cpu_m']}m CPU, {r['memory_mib']} MiB memory ({r['why']})",
        f"  used       {100 * r['used_share']:.0f} %, p95 under {r['p95_bound_ms']:.3g} ms",
        f"  one lost   {lost}",
    ]
    if month := r["month"]:
        lines.append(
            f"  a month    {month['cost']} {month['currency']}, at most {month['most']} when scaled"
        )
    return lines
