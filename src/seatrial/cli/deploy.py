"""`seatrial deploy`: a model file to staging or production, in one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.follow import follow
from seatrial.cli.invocation import home_option
from seatrial.cli.options import (
    DURATION,
    NAMES,
    NumberType,
    json_option,
    loading_options,
    whoami,
    workspace_options,
)
from seatrial.cli.output import Console
from seatrial.kernel.errors import SeatrialError
from seatrial.registry.archive import is_archive
from seatrial.wiring.deploying.bundles import Subject
from seatrial.wiring.deploying.deploy import Placed, deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.deploying.release_drivers import (
    check_server,
    ensure_server,
    has_server,
    local_controller,
)
from seatrial.wiring.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from seatrial.packaging.replicas import Wanted

_CLUSTER = "kubernetes"

_EXITS = {
    "staged": Exit.DONE,
    "promoted": Exit.DONE,
    "rejected": Exit.GATE_FAILED,
    "aborted": Exit.GATE_FAILED,
    "held": Exit.INCONCLUSIVE,
}


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the endpoint.  [default: that of the file]")
@click.option(
    "--data",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sample of the training data: Parquet, CSV or JSON.",
)
@click.option("--label", help="Column of the sample that the model predicts.")
@click.option(
    "--holdout",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Labelled rows it was not trained on: what its performance is later held against.",
)
@click.option(
    "--segments",
    type=NAMES,
    help="Inputs whose values are watched apart too, such as region,plan.  "
    "[default: monitoring.segments, as far as the model has them]",
)
@click.option(
    "--target",
    type=click.Choice(["staging", "production", "kubernetes"]),
    default="staging",
    show_default=True,
    help="How far it goes; kubernetes: through staging here, then to the configured cluster.",
)
@click.option("--share", type=NumberType(0, 1), help="Share of the canary.  [default: 0.05]")
@click.option("--watch", type=DURATION, help="How long the canary is watched.  [default: 1h]")
@click.option(
    "--rps",
    type=NumberType(0, min_open=True),
    help="With --target kubernetes: requests a second that its replicas are to bear; see `size`.",
)
@click.option(
    "--p95-ms",
    type=NumberType(0, min_open=True),
    help="With --rps: what 95 of 100 answers may take.",
)
@loading_options("Load the file whatever it imports: it runs its code.")
@click.option(
    "--engine",
    help="Have it run by a server elsewhere, by its name in `engines` of the configuration.  "
    "[default: endpoints.NAME.engine, or this server]",
)
@click.option("--signature", help="Of a SavedModel: which one.  [default: serving_default]")
@click.option(
    "--sign-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Private key in PEM that signs the bundle, as `seatrial sign` does.  "
    "[default: server.sign_key]",
)
@click.option(
    "--new-signature",
    is_flag=True,
    help="Accept other features or outputs than the version in production has.",
)
@click.option("--no-up", is_flag=True, help="Do not start a server where none runs.")
@click.option("--no-wait", is_flag=True, help="Return once the release has begun.")
@workspace_options
@json_option
def deploy(
    model: Path,
    name: str | None,
    data: Path | None,
    label: str | None,
    holdout: Path | None,
    segments: tuple[str, ...] | None,
    target: str,
    share: float | None,
    watch: float | None,
    rps: float | None,
    p95_ms: float | None,
    trust: bool,
    any_version: bool,
    engine: str | None,
    sign_key: Path | None,
    signature: str | None,
    new_signature: bool,
    no_up: bool,
    no_wait: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Take MODEL, a trained model file, an archive of one or a prompt, to staging or production.

    A class in Python with the methods load(path) and predict(rows) is given as module.py:Class, and
    takes the files of its folder along. A model in MLflow is given as models:/NAME/NUMBER,
    models:/NAME@ALIAS or runs:/RUN/PATH, or as the folder that MLflow wrote.

    The file is scanned before it is loaded, loaded in a process of its own, exported to ONNX where
    that gives the same answers, tested as a server, and, for production, given a small share of the
    traffic until the evidence decides. An archive that `seatrial bundle pack` wrote is verified and
    goes on from the tests, as it was packaged. A prompt (.yaml) is tried with its golden examples,
    and goes the same way.
    """
    console = Console(as_json=as_json)
    wanted = _wanted(target, rps, p95_ms)
    workspace = open_workspace(home=home, config=config)
    order = Order(
        model=model,
        name=name,
        data=data,
        label=label,
        holdout=holdout,
        segments=segments or (),
        target="staging" if target == _CLUSTER else target,
        share=share,
        watch_s=watch,
        trust=trust,
        any_version=any_version,
        engine=engine,
        sign_key=sign_key,
        signature=signature,
        new_signature=new_signature,
        by=whoami(),
    )
    shipped = target == _CLUSTER
    if shipped:
        from seatrial.wiring.deploying.cluster import check_cluster

        check_cluster(workspace, model)
    record = run_order(console, workspace, order, up=not no_up, wait=shipped or not no_wait)
    release: Any = record["release"]
    if shipped and release["phase"] == "staged":
        subject = Subject(name=str(record["name"]), number=release["version"])
        return _ship(console, workspace, subject, wanted, wait=not no_wait)
    console.result(record)
    return _EXITS.get(release["phase"], Exit.DONE)


def _wanted(target: str, rps: float | None, p95_ms: float | None) -> Wanted | None:
    """The load that was asked for."""
    if rps is None and p95_ms is None:
        return None
    if rps is None or p95_ms is None or target != _CLUSTER:
        raise click.UsageError("--rps and --p95-ms go together, with --target kubernetes.")
    from seatrial.packaging.replicas import Wanted

    return Wanted(rps=rps, p95_s=p95_ms / 1e3)


def _ship(
    console: Console, workspace: Workspace, subject: Subject, wanted: Wanted | None, *, wait: bool
) -> int:
    """What passed staging, to the cluster."""
    from seatrial.cli.cluster import WAIT_S, ship
    from seatrial.wiring.deploying.cluster import build

    if wanted is not None:
        from seatrial.wiring.deploying.sizing import sized, write_sized

        found = sized(workspace, subject, wanted)
        write_sized(workspace, subject, found)
        scaling = f"{found.n} to {found.most} replicas, CPU target {found.cpu_percent} %"
        console.step("ok", "size", scaling)
    build(workspace, subject, say=console.step)
    return ship(console, workspace, subject, timeout_s=WAIT_S, force=False, wait=wait)


def run_order(
    console: Console, workspace: Workspace, order: Order, *, up: bool, wait: bool = True
) -> dict[str, Any]:
    """Package, register and release; print each step.

    Args:
        up: start a server in the background when the target is production and none runs.
        wait: follow the release to its end.
    Returns: the endpoint's record.
    """
    goal = "" if is_archive(order.model) else f"{order.endpoint}, "
    console.head(f"{order.model} → {goal}{order.target}")
    serve = order.target == "production" and up
    if serve:
        check_server(workspace)
    placed = deploy_order(workspace, order, on_step=console.step, on_progress=console.progress)
    if serve:
        _serve(console, workspace, placed)
    if not wait:
        record: dict[str, Any] = placed.desk.view(placed.endpoint)
        console.say(_without_us(placed.endpoint, server=has_server(placed.store)))
        return record
    with local_controller(workspace, placed, on_test=console.progress) as tick:
        record = follow(console, placed.desk, placed.endpoint, placed.release, tick=tick)
    release = record["release"]
    if release["staging"]:
        folder = workspace.release_folder(placed.endpoint, release["version"])
        console.step("note", "files", str(folder))
    return record


def _serve(console: Console, workspace: Workspace, placed: Placed) -> None:
    """See that a server runs; where none starts, say what becomes of the release."""
    try:
        address = ensure_server(workspace)
    except SeatrialError:
        console.step("note", "release", _without_us(placed.endpoint, server=False))
        raise
    stop = f"seatrial down{home_option(workspace.home, environment=os.environ)}"
    console.step("ok", "server", f"{address}  (stop it with `{stop}`)")


def _without_us(endpoint: str, *, server: bool) -> str:
    """What becomes of a release that nobody follows."""
    if server:
        return f"The release goes on without this command; see `seatrial status {endpoint}`."
    return (
        "The release has begun and waits: no server runs on this store. It goes on once "
        "`seatrial up` runs."
    )
