"""`seatrial register`: offer a version; a server that follows the model does the rest."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.kernel.store import Store
    from seatrial.wiring.registry.registering import Ending, Offered
    from seatrial.wiring.workspace import Workspace

_FILE = click.Path(path_type=Path, dir_okay=False)
_POLL_S = 0.2
_EXITS = {
    "promoted": Exit.DONE,
    "staged": Exit.DONE,
    "unchanged": Exit.DONE,
    "worse": Exit.GATE_FAILED,
    "rejected": Exit.GATE_FAILED,
    "aborted": Exit.GATE_FAILED,
    "cannot_tell": Exit.INCONCLUSIVE,
}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--model", "name", required=True, help="Name under which the file follows it.")
@click.option("--label", help="Column that the model predicts.  [default: as configured]")
@click.option("--data", type=_FILE, help="Sample of the training data.  [default: as configured]")
@click.option(
    "--holdout",
    type=_FILE,
    help="Labelled rows it was not trained on.  [default: as configured]",
)
@click.option("--alias", help="Alias that is moved to it.")
@click.option("--no-wait", is_flag=True, help="Return once it is registered.")
@workspace_options
@json_option
def register(
    model: Path,
    name: str,
    label: str | None,
    data: Path | None,
    holdout: Path | None,
    alias: str | None,
    no_wait: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Register MODEL as the newest version of a model that seatrial.yaml follows.

    The server packages and tests it, holds it against the version in production, and releases it by
    a canary; a worse one stops. This command watches that, and ends with it.

    Exit code 0: promoted, or staged as configured. 3: worse, or it failed its tests or its canary.
    4: the rows cannot tell.
    """
    from seatrial.registry.offers import check_alias
    from seatrial.wiring.registry.registering import Offer, offer
    from seatrial.wiring.registry.registries import check_followed, own_registry
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    check_followed(workspace, name)
    if alias is not None:
        check_alias(alias)
    store = workspace.open_store()
    try:
        wish = Offer(model=name, file=model, label=label, data=data, holdout=holdout, by=whoami())
        offered = offer(workspace, store, wish)
        console.step("ok", "register", f"{offered.model}, offer {offered.number}")
        if alias is not None:
            own_registry(workspace, store).move_alias(offered.model, alias, offered.number)
            console.step("ok", "alias", f"{alias} points at offer {offered.number}")
        if no_wait:
            console.result({"model": offered.model, "number": offered.number})
            return Exit.DONE
        return _followed(console, workspace, store, offered)
    finally:
        store.close()


def _followed(console: Console, workspace: Workspace, store: Store, offered: Offered) -> int:
    """Tell each step until the end."""
    from seatrial.cli.follow import canary_of
    from seatrial.release.desk import Desk
    from seatrial.training.following.desk import FOLLOWER
    from seatrial.wiring.registry.registering import arrival, ending

    desk = Desk(store)
    if not store.present(FOLLOWER):
        console.step("wait", "server", "none follows this store: start one with `seatrial up`")
    while True:
        found = ending(workspace, store, offered)
        if found is not None:
            return _ended(console, offered, found)
        now = arrival(store, offered)
        if now is not None:
            said = now["problem"] or now["waits_for"] or "under way"
            if now["step"] == "canary":
                said = canary_of(desk, offered.endpoint) or said
            console.progress(str(now["step"]), said)
        time.sleep(_POLL_S)


def _ended(console: Console, offered: Offered, found: Ending) -> int:
    code = _EXITS.get(found.outcome, Exit.INVALID)
    mark = {Exit.DONE: "ok", Exit.INCONCLUSIVE: "wait"}.get(code, "bad")
    version = "" if found.version is None else f"version {found.version}: "
    console.step(mark, found.outcome, f"{version}{found.reason}")
    if found.card is not None:
        console.step("note", "card", str(found.card))
    console.result(
        {
            "model": offered.model,
            "number": offered.number,
            "endpoint": offered.endpoint,
            "outcome": found.outcome,
            "reason": found.reason,
            "code": found.code or None,
            "version": found.version,
            "release": found.release,
            "card": None if found.card is None else str(found.card),
        }
    )
    return code
