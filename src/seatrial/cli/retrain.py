"""`seatrial retrain`: models that are trained anew when triggers ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console
from seatrial.cli.retrain_outside import COMMANDS as OUTSIDE_COMMANDS

if TYPE_CHECKING:
    from seatrial.kernel.store import Store
    from seatrial.wiring.retraining.desk import RetrainingDesk

F = TypeVar("F", bound=Callable[..., Any])

_POLL_S = 0.5
_SILENT_S = 30.0
"""A server that said nothing for so long does no step."""
_AT_REST = {"failed", "ended", "cancelled"}
_GOOD = {"promoted", "staged", "not_needed"}
_COLOURS = {
    "finished": "green",
    "taken_over": "green",
    "running": "cyan",
    "waiting": "yellow",
    "retrying": "yellow",
    "failed": "red",
}


def _desk(home: Path | None, config: Path | None) -> RetrainingDesk:
    return _opened(home, config)[0]


def _opened(home: Path | None, config: Path | None) -> tuple[RetrainingDesk, Store]:
    from seatrial.wiring.retraining.desk import RetrainingDesk
    from seatrial.wiring.workspace import open_workspace

    workspace = open_workspace(home=home, config=config)
    store = workspace.open_store()
    return RetrainingDesk(workspace, store), store


def _shared(command: F) -> F:
    """What all verbs about one retraining take."""
    return click.argument("name")(workspace_options(json_option(command)))


def _reasoned(command: F) -> F:
    return click.option("--reason", default="", help="Why, for those who read it later.")(command)


@click.group()
def retrain() -> None:
    """Models that are trained anew when triggers ask for it, and released if they are better."""


@retrain.command("status")
@click.argument("name", required=False)
@workspace_options
@json_option
def retrain_status(name: str | None, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Where retrainings stand; of NAME, each step of its newest run."""
    console = Console(as_json=as_json)
    desk = _desk(home, config)
    if name is None:
        views = desk.views()
        for view in views:
            console.say(_line(view))
        if not views:
            console.say("No retraining is configured: see the section retraining of seatrial.yaml.")
        console.result(views)
        return Exit.DONE
    view = desk.view(name)
    _show(console, view)
    console.result(view)
    return Exit.DONE


@retrain.command("history")
@_shared
def retrain_history(name: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """The runs of a retraining, the newest first: why each began and how it ended."""
    console = Console(as_json=as_json)
    runs = _desk(home, config).history(name)
    for run in runs:
        why = "; ".join(f"{cause['rule']}: {cause['reason']}" for cause in run["causes"])
        console.say(f"{run['run']}  {run['at'][:19]}  {run['outcome'] or 'under way'}")
        console.say(f"    because {why}")
        if run["reason"]:
            console.say(f"    {run['reason']}")
    if not runs:
        console.say(f"{name} was never trained anew.")
    console.result(runs)
    return Exit.DONE


@retrain.command("now")
@_shared
@_reasoned
@click.option("--wait", is_flag=True, help="Wait for its end, and say each step.")
def retrain_now(
    name: str, reason: str, wait: bool, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Train NAME anew now, whatever its triggers, cooldown and budget say.

    A server does it: `seatrial up`. Exit code 3 with --wait: the new model was not released.
    """
    from seatrial.training.retraining.exposition import BEAT

    console = Console(as_json=as_json)
    desk, store = _opened(home, config)
    view = desk.now(name, by=whoami(), reason=reason)
    console.step("ok", "begun", view["run"]["id"])
    if not store.present(BEAT, within_s=_SILENT_S):
        console.step("wait", "server", "none works on this store: start one with `seatrial up`")
    if wait:
        view = _followed(console, desk, store, name)
    console.result(view)
    good = not wait or view["run"]["outcome"] in _GOOD
    return Exit.DONE if good else Exit.GATE_FAILED


@retrain.command("retry")
@_shared
@_reasoned
def retrain_retry(
    name: str, reason: str, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Begin the step again at which the newest run of NAME failed."""
    view = _desk(home, config).retry(name, by=whoami(), reason=reason)
    return _done(view, "retried", as_json=as_json)


@retrain.command("take-over")
@_shared
@_reasoned
@click.option("--step", required=True, help="The step that the run stands at.")
@click.option("--output", required=True, help="Its output as a JSON object, in place of doing it.")
def retrain_take_over(
    name: str,
    step: str,
    output: str,
    reason: str,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Give the output of the step that the newest run of NAME stands at: it is not done then."""
    view = _desk(home, config).take_over(name, step, output, by=whoami(), reason=reason)
    return _done(view, "taken over", as_json=as_json)


@retrain.command("approve")
@_shared
@_reasoned
def retrain_approve(
    name: str, reason: str, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Let the new model of NAME be released, where it waits for somebody to say so."""
    view = _desk(home, config).approve(name, by=whoami(), reason=reason)
    return _done(view, "approved", as_json=as_json)


@retrain.command("cancel")
@_shared
@_reasoned
def retrain_cancel(
    name: str, reason: str, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """End the newest run of NAME, and the release it began; production stays as it is."""
    view = _desk(home, config).cancel(name, by=whoami(), reason=reason)
    return _done(view, "cancelled", as_json=as_json)


for _command in OUTSIDE_COMMANDS:
    retrain.add_command(_command)


def _done(view: dict[str, Any], what: str, *, as_json: bool) -> int:
    console = Console(as_json=as_json)
    console.step("ok", what, view["run"]["id"])
    console.result(view)
    return Exit.DONE


def _followed(console: Console, desk: RetrainingDesk, store: Store, name: str) -> dict[str, Any]:
    from seatrial.cli.follow import canary_of
    from seatrial.release.desk import Desk

    releases = Desk(store)
    said: set[str] = set()
    view = desk.view(name)
    run_id = view["run"]["id"]
    while True:
        run = view["run"]
        for step in run["steps"]:
            if step["status"] in ("finished", "taken_over") and step["name"] not in said:
                said.add(step["name"])
                console.step("ok", step["name"], (step["log"] or [""])[-1])
        if run["id"] != run_id or run["status"] in _AT_REST:
            _end(console, run)
            return view
        canary = canary_of(releases, view["endpoint"]) if view["step"] == "release" else None
        console.progress(view["step"] or "run", canary or _now(run))
        time.sleep(_POLL_S)
        view = desk.view(name)


def _now(run: dict[str, Any]) -> str:
    step = next((s for s in run["steps"] if s["status"] not in ("finished", "taken_over")), None)
    live = run.get("live")
    if live and live["note"]:
        return str(live["note"])
    return "" if step is None else str(step["reason"] or step["status"])


def _line(view: dict[str, Any]) -> str:
    last = view["last"]
    outcome = (
        "never run" if last is None else last["outcome"] or f"{view['status']}: {view['step']}"
    )
    why = f"; {view['next']['reason']}" if view["next"]["pending"] else ""
    return f"{view['name']} → {view['endpoint']}: {outcome}{why}"


def _show(console: Console, view: dict[str, Any]) -> None:
    console.say(_line(view))
    run = view["run"]
    if run is None:
        return
    left_to = f"  (left to {run['left_to']})" if run.get("left_to") and run.get("step") else ""
    console.say(f"  {run['id']}: {run.get('cause', '')}{left_to}")
    for step in run["steps"]:
        colour = _COLOURS.get(step["status"])
        mark = click.style(step["status"], fg=colour) if colour else step["status"]
        more = step["error"].get("problem") or step["reason"] or (step["log"] or [""])[-1]
        console.say(f"    {step['name']:<10} {mark:<12} {more}")
    _end(console, run)


def _end(console: Console, run: dict[str, Any]) -> None:
    if run["status"] == "failed":
        step = next(s for s in run["steps"] if s["status"] == "failed")
        console.step("bad", "failed", f"{step['name']}: {step['error'].get('problem', '')}")
        console.say(f"  → {step['error'].get('remedy', '')}")
    elif run["outcome"]:
        mark = "ok" if run["outcome"] in _GOOD else "bad"
        console.step(mark, run["outcome"], run["reason"])
