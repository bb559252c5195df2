"""`seatrial registry`: what is followed and what arrived; aliases; another try."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.training.following.desk import RegistryDesk

_N_SHOWN = 20
_COLOURS = {
    "promoted": "green",
    "staged": "green",
    "worse": "red",
    "rejected": "red",
    "aborted": "red",
    "failed": "red",
    "cannot_tell": "yellow",
}


def _desk(home: Path | None, config: Path | None) -> RegistryDesk:
    from seatrial.training.following.desk import RegistryDesk
    from seatrial.wiring.registry.registries import own_registry
    from seatrial.wiring.workspace import open_workspace

    workspace = open_workspace(home=home, config=config)
    store = workspace.open_store()
    return RegistryDesk(store, own_registry(workspace, store), workspace.settings.registry)


@click.group()
def registry() -> None:
    """Registered models that are released by themselves."""


@registry.command("status")
@workspace_options
@json_option
def registry_status(home: Path | None, config: Path | None, as_json: bool) -> int:
    """What is followed, how the registries do, and what became of each version."""
    console = Console(as_json=as_json)
    record = _desk(home, config).view()
    for model, followed in record["models"].items():
        console.say(f"{model} → {followed['endpoint']}, {followed['target']}; {followed['event']}")
    if not record["models"]:
        console.say("Nothing is followed: see registry.models in the reference of seatrial.yaml.")
    elif not record["follows"]:
        console.say("No server follows this store: start one with `seatrial up`.")
    for name, source in record["sources"].items():
        if source["problem"]:
            console.say(f"  {click.style(name, fg='red')}: {source['problem']}")
    for arrival in record["arrivals"][:_N_SHOWN]:
        console.say(f"  {arrival_line(arrival)}")
    console.result(record)
    return Exit.DONE


@registry.command()
@click.argument("model")
@click.argument("alias")
@click.argument("number", type=click.IntRange(min=1))
@workspace_options
@json_option
def alias(
    model: str, alias: str, number: int, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Let ALIAS of MODEL point at the offer NUMBER, which `seatrial register` named."""
    console = Console(as_json=as_json)
    _desk(home, config).move_alias(model, alias, number)
    console.step("ok", "alias", f"{alias} points at offer {number} of {model}")
    console.result({"model": model, "alias": alias, "number": number})
    return Exit.DONE


@registry.command()
@click.argument("model")
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--source",
    type=click.Choice(["mlflow", "own"]),
    default="mlflow",
    show_default=True,
    help="The registry that has it; own is that of `seatrial register`.",
)
@workspace_options
@json_option
def again(
    model: str, number: int, source: str, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Let version NUMBER of MODEL arrive once more: after its holdout was mended, say."""
    console = Console(as_json=as_json)
    _desk(home, config).ask_again(source, model, number, by=whoami())
    console.step("ok", "again", f"version {number} of {model} in {source}")
    console.result({"source": source, "model": model, "number": number})
    return Exit.DONE


def arrival_line(arrival: Mapping[str, Any]) -> str:
    """What became of a version, in a line."""
    where = "offer" if arrival["source"] == "own" else f"{arrival['source']} version"
    version = "" if arrival["version"] is None else f" = version {arrival['version']}"
    head = f"{arrival['endpoint']}: {where} {arrival['number']}{version}"
    outcome = arrival["outcome"]
    if outcome is not None:
        return f"{head}: {click.style(outcome, fg=_COLOURS.get(outcome))}; {arrival['reason']}"
    why = arrival["problem"] or arrival["waits_for"]
    return f"{head}: {arrival['step']}" + (f"; {why}" if why else "")
