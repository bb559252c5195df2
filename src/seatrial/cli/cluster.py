"""`seatrial cluster`: registered versions on Kubernetes: apply, watch, promote, roll back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import DURATION, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.packaging.kubernetes.cluster import Standing, State
from seatrial.wiring.deploying.bundles import Subject, parse_subject
from seatrial.wiring.workspace import Workspace, open_workspace

WAIT_S = 600.0

_EXITS = {
    State.READY: Exit.DONE,
    State.GOING: Exit.DONE,
    State.HELD: Exit.INCONCLUSIVE,
    State.FAILED: Exit.GATE_FAILED,
}

_version = click.argument("version", metavar="NAME[@VERSION]")
_timeout = click.option(
    "--timeout", type=DURATION, default=WAIT_S, show_default="10m", help="How long to wait."
)
_force = click.option("--force", is_flag=True, help="Take over fields that somebody else has set.")


@click.group()
def cluster() -> None:
    """Registered versions on Kubernetes: apply, watch, promote, rollback."""


@cluster.command()
@_version
@_timeout
@_force
@click.option("--no-wait", is_flag=True, help="Return once the cluster has taken the objects.")
@workspace_options
@json_option
def apply(
    version: str,
    timeout: float,
    force: bool,
    no_wait: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Bring a version to the cluster: on trial where its form has one, else in place of the other.

    Without @VERSION it is the version in production here, or the newest where none is.
    """
    workspace = open_workspace(home=home, config=config)
    console = Console(as_json=as_json)
    subject = _numbered(workspace, version)
    return ship(console, workspace, subject, timeout_s=timeout, force=force, wait=not no_wait)


@cluster.command()
@_version
@_timeout
@workspace_options
@json_option
def watch(
    version: str, timeout: float, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Wait until a version is ready, failed, or held for a person."""
    from seatrial.wiring.deploying.cluster import manifests, shipping

    workspace = open_workspace(home=home, config=config)
    console = Console(as_json=as_json)
    subject = _numbered(workspace, version)
    made = manifests(workspace, subject)
    found = shipping(workspace, say=console.step, timeout_s=timeout).watch(made)
    return _told(console, subject, found)


@cluster.command()
@_version
@_timeout
@_force
@workspace_options
@json_option
def promote(
    version: str,
    timeout: float,
    force: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Give the version on trial all traffic."""
    from seatrial.wiring.deploying.cluster import manifests, shipping

    workspace = open_workspace(home=home, config=config)
    console = Console(as_json=as_json)
    subject = _numbered(workspace, version)
    made = manifests(workspace, subject)
    way = shipping(workspace, say=console.step, timeout_s=timeout, force=force)
    return _told(console, subject, way.promote(made))


@cluster.command()
@click.argument("name")
@click.option("--to", "to", type=click.IntRange(min=1), help="Version to return to.")
@_timeout
@_force
@workspace_options
@json_option
def rollback(
    name: str,
    to: int | None,
    timeout: float,
    force: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """End the trial under way; without one, return to the version that was there before."""
    from seatrial.wiring.deploying.cluster import manifests, shipping

    workspace = open_workspace(home=home, config=config)
    console = Console(as_json=as_json)
    way = shipping(workspace, say=console.step, timeout_s=timeout, force=force)
    newest = _numbered(workspace, name)
    number = to or way.former(manifests(workspace, newest))
    subject = replace(newest, number=number)
    console.step("note", "rollback", f"{name} returns to version {number}")
    return _told(console, subject, way.roll_back(manifests(workspace, subject)))


def ship(
    console: Console,
    workspace: Workspace,
    subject: Subject,
    *,
    timeout_s: float,
    force: bool,
    wait: bool,
) -> int:
    """Bring a version to the cluster; returns the exit code."""
    from seatrial.wiring.deploying.cluster import manifests, shipping

    made = manifests(workspace, subject)
    way = shipping(workspace, say=console.step, timeout_s=timeout_s, force=force)
    return _told(console, subject, way.apply(made, wait=wait))


def _numbered(workspace: Workspace, version: str) -> Subject:
    from seatrial.wiring.deploying.cluster import numbered

    return numbered(workspace, parse_subject(version))


def _told(console: Console, subject: Subject, found: Standing) -> int:
    console.result(
        {
            "name": subject.name,
            "version": subject.number,
            "state": found.state.value,
            "why": found.why,
        }
    )
    return _EXITS[found.state]
