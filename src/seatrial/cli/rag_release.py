"""`seatrial rag release`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import DURATION, json_option, whoami
from seatrial.cli.output import Console
from seatrial.cli.rag_options import rag_options, rag_workspace

_EXITS = {"aborted": Exit.GATE_FAILED, "rejected": Exit.GATE_FAILED}


@click.command()
@click.option("--version", type=click.IntRange(min=1), help="A version.  [default: the newest]")
@click.option("--share", type=click.FloatRange(0, 1, min_open=True), help="Of the canary.")
@click.option("--watch", type=DURATION, help="How long each step lasts at least, such as 1h.")
@click.option(
    "--target",
    type=click.Choice(["staging", "production"]),
    default="production",
    show_default=True,
    help="staging ends after the tests, for an experiment to take it from there.",
)
@click.option("--no-wait", is_flag=True, help="Begin, and leave the rest to the server.")
@rag_options
@json_option
def release(
    version: int | None,
    share: float | None,
    watch: float | None,
    target: str,
    no_wait: bool,
    index: str | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Give a version of an index to a share of the questions, and to all once it is no worse.

    It is read whole and asked the configured questions first. From the first release on, versions
    answer as they are released, not as they are built. Exit code 3: it was stopped.
    """
    from seatrial.cli.follow import follow
    from seatrial.wiring.deploying.release_drivers import has_server, local_controller
    from seatrial.wiring.knowledge.deploy_index import release_index
    from seatrial.wiring.knowledge.indexes import knowledge_config

    console = Console(as_json=as_json)
    workspace = rag_workspace(home, config)
    name, _ = knowledge_config(workspace, index)
    console.head(f"{name} → {target}")
    placed = release_index(
        workspace,
        name,
        version=version,
        share=share,
        watch_s=watch,
        target=target,
        by=whoami(),
        on_step=console.step,
    )
    if no_wait or not has_server(placed.store):
        goes_on = (
            "The release goes on without this command"
            if has_server(placed.store)
            else ("The release has begun and waits: it goes on once `seatrial up` runs")
        )
        console.say(f"{goes_on}; see `seatrial status {name}`.")
        record: dict[str, Any] = placed.desk.view(name)
    else:
        with local_controller(workspace, placed, on_test=console.progress) as tick:
            record = follow(console, placed.desk, name, placed.release, tick=tick)
    console.result(record)
    return _EXITS.get(str(record["release"]["phase"]), Exit.DONE)
