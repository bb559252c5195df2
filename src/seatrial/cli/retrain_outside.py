"""`seatrial retrain export|begin|step`: a retraining whose steps another orchestrator keeps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console
from seatrial.cli.page_file import write_output
from seatrial.cli.stopping import told_to_stop

if TYPE_CHECKING:
    from seatrial.wiring.retraining.outside import OutsideRuns

_POD_FOLDER = "/workspace"
_ORCHESTRATOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


def _runs(home: Path | None, config: Path | None) -> OutsideRuns:
    from seatrial.wiring.retraining.outside import OutsideRuns
    from seatrial.wiring.workspace import open_workspace

    workspace = open_workspace(home=home, config=config)
    return OutsideRuns(workspace, workspace.open_store())


@click.command("export")
@click.argument("name")
@workspace_options
@click.option(
    "--to", required=True, type=click.Choice(["airflow", "kubeflow"]), help="Who runs it."
)
@click.option(
    "--into",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; one that an export wrote before is written anew.",
)
@click.option(
    "--folder",
    help="Where seatrial.yaml lies on the machines that run the tasks.  [default: here; of pods, "
    f"{_POD_FOLDER}]",
)
@click.option("--image", help="Of Kubeflow: the image of its pods, which holds seatrial.")
@click.option("--claim", help="Of Kubeflow: the volume claim that is mounted as the folder.")
@click.option("--secret", help="Of Kubeflow: the secret whose key `store` is the store's URL.")
@json_option
def retrain_export(
    name: str,
    home: Path | None,
    config: Path | None,
    to: str,
    into: Path,
    folder: str | None,
    image: str | None,
    claim: str | None,
    secret: str | None,
    as_json: bool,
) -> int:
    """Write NAME as an Airflow DAG or a Kubeflow pipeline: the same steps, each a task."""
    from seatrial.training.exporting import airflow, kubeflow
    from seatrial.training.exporting.plan import Cluster
    from seatrial.wiring.retraining.export import check_place, exported
    from seatrial.wiring.workspace import open_workspace

    pods = to == "kubeflow"
    _check_cluster(pods=pods, image=image, others={"claim": claim, "secret": secret})
    check_place(into)
    plan = exported(
        open_workspace(home=home, config=config),
        name,
        to=to,
        folder=folder or (_POD_FOLDER if pods else str(Path.cwd())),
        options=_options(home, config),
    )
    if pods:
        cluster = Cluster(image=image or "", claim=claim or "", secret=secret or "")
        text = kubeflow.pipeline(plan, cluster)
    else:
        text = airflow.dag(plan)
    write_output(into, text, option="--into")
    console = Console(as_json=as_json)
    console.step("ok", "written", str(into))
    if not plan.crons:
        console.step("note", "calendar", f"none: see retraining.{name}.orchestrator and triggers")
    tasks = [task.name for task in plan.tasks]
    console.result({"file": str(into), "to": to, "tasks": tasks, "crons": list(plan.crons)})
    return Exit.DONE


@click.command("begin")
@click.argument("name")
@workspace_options
@click.option("--key", required=True, help="Of the orchestrator's run; again, it is the same run.")
@click.option("--reason", default="", help="Why, for those who read it later.")
@click.option("--orchestrator", help="Who asks.  [default: as configured]")
@json_option
def retrain_begin(
    name: str,
    home: Path | None,
    config: Path | None,
    key: str,
    reason: str,
    orchestrator: str | None,
    as_json: bool,
) -> int:
    """For orchestrators: begin a run of NAME that is left to them, or join the one under way."""
    if not key.strip():
        raise click.BadParameter("it is empty", param_hint="--key")
    if orchestrator is not None and not _ORCHESTRATOR.fullmatch(orchestrator):
        raise click.BadParameter("use letters, digits, '.', '_', '-'", param_hint="--orchestrator")
    run = _runs(home, config).begin(
        name, key=key, by=whoami(), orchestrator=orchestrator, reason=reason
    )
    console = Console(as_json=as_json)
    console.step("ok", "run", run.id)
    console.result({"run": run.id, "status": run.status.value, "left_to": run.left_to})
    return Exit.DONE


@click.command("step")
@click.argument("run")
@click.argument("step")
@workspace_options
@click.option("--once", is_flag=True, help="Ask a step that waits once; exit code 4: it waits.")
@click.option("--again", is_flag=True, help="Begin it again if it had failed for good.")
@json_option
def retrain_step(
    run: str,
    step: str,
    home: Path | None,
    config: Path | None,
    once: bool,
    again: bool,
    as_json: bool,
) -> int:
    """For orchestrators: do the STEP of a RUN such as retraining/churn-1, or wait for who does it.

    One attempt a call. Exit code 0: it is done, now or before; 3: the run is over without it; 4: it
    waits; 5: it failed for good; 10: another attempt may help.
    """
    from seatrial.steps.performer import Stopped
    from seatrial.wiring.retraining.outside import Hearing

    console = Console(as_json=as_json)
    hearing = Hearing(
        stop=told_to_stop(),
        on_line=console.say,
        on_wait=lambda what: console.progress(step, what),
    )
    try:
        came, now = _runs(home, config).perform(
            run, step, by=whoami(), hearing=hearing, once=once, again=again
        )
    except Stopped:
        raise click.Abort from None
    _told(console, step, came.value, now.outcome, now.reason)
    console.result(
        {
            "run": now.id,
            "step": step,
            "came": came.value,
            "outcome": now.outcome,
            "reason": now.reason,
        }
    )
    return _EXITS[came.value]


_EXITS = {"done": Exit.DONE, "over": Exit.GATE_FAILED, "waits": Exit.INCONCLUSIVE}


def _told(console: Console, step: str, came: str, outcome: str, reason: str) -> None:
    marks: dict[str, Any] = {"done": "ok", "over": "note", "waits": "note"}
    console.step(marks[came], step, came if not outcome else f"{came}: {outcome}: {reason}")


def _check_cluster(*, pods: bool, image: str | None, others: dict[str, str | None]) -> None:
    if pods and not image:
        raise click.UsageError("--to kubeflow needs --image, which holds seatrial.")
    given = [name for name, value in {"image": image, **others}.items() if value is not None]
    if not pods and given:
        raise click.UsageError(f"--{given[0]} is for --to kubeflow.")


def _options(home: Path | None, config: Path | None) -> list[str]:
    """What each command is told, as it was told here."""
    said = {"--home": home, "--config": config}
    return [part for name, path in said.items() if path is not None for part in (name, str(path))]


COMMANDS = (retrain_export, retrain_begin, retrain_step)
