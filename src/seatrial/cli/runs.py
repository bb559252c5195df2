"""`seatrial runs`: what was trained, one run, two beside each other, and what trackers lack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.kernel.duration import show_duration
from seatrial.kernel.size import show_size

if TYPE_CHECKING:
    from seatrial.training.runs.desk import RunDesk

_MARKS = {"finished": "ok", "failed": "bad", "pruned": "note", "running": "wait"}
_SHOWN = 12


@click.group()
def runs() -> None:
    """Runs of trainings: list them, look at one, compare two, send them to trackers."""


@contextmanager
def _desk(home: Path | None, config: Path | None) -> Iterator[RunDesk]:
    from seatrial.training.runs.desk import RunDesk
    from seatrial.wiring.workspace import open_workspace

    store = open_workspace(home=home, config=config).open_store()
    try:
        yield RunDesk(store)
    finally:
        store.close()


@runs.command("list")
@click.argument("name", required=False, default="")
@click.option("--search", metavar="ID", help="The trials of a search.")
@click.option("--last", type=click.IntRange(min=1), default=20, help="How many.  [default: 20]")
@workspace_options
@json_option
def list_(
    name: str,
    search: str | None,
    last: int,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Runs, the newest first; of the training NAME alone if it is given."""
    console = Console(as_json=as_json)
    with _desk(home, config) as desk:
        found = desk.runs(name=name, parent=search)
    for run in found[:last]:
        console.step(_MARKS.get(run["status"], "bad"), run["status"], _line(run))
    if not found:
        console.say("  There are no runs. Make one with `seatrial train`.")
    console.result(found[:last])
    return Exit.DONE


@runs.command()
@click.argument("run")
@workspace_options
@json_option
def show(run: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """All of one run: RUN is its id, or how that begins."""
    console = Console(as_json=as_json)
    with _desk(home, config) as desk:
        found = desk.run(run)
    console.head(f"{found['id']}  ({found['status']})")
    for label, value in _facts(found):
        console.say(f"  {label:<18} {value}")
    _table(console, "parameters", found["parameters"])
    _table(console, "metrics", found["metrics"])
    for trial in found["trials"]:
        best = "  ← best" if trial["id"] == found["best"] else ""
        console.step(
            _MARKS.get(trial["status"], "bad"), f"trial {trial['number']}", _line(trial) + best
        )
    console.result(found)
    return Exit.DONE


@runs.command()
@click.argument("first")
@click.argument("second")
@workspace_options
@json_option
def compare(first: str, second: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Two runs beside each other: what differs in them, and every metric."""
    console = Console(as_json=as_json)
    with _desk(home, config) as desk:
        found = desk.compared(first, second)
    console.head(f"{found['runs'][0]}  |  {found['runs'][1]}")
    for section in ("differ", "parameters", "packages", "metrics"):
        rows = found[section]
        if rows:
            console.say(f"  {section}")
        for name, (one, other) in list(rows.items())[: 5 * _SHOWN]:
            console.say(f"    {name:<26} {_short(one):>20}  {_short(other):>20}")
    console.result(found)
    return Exit.DONE


@runs.command()
@workspace_options
@json_option
def sync(home: Path | None, config: Path | None, as_json: bool) -> int:
    """Send to the configured trackers what they have not taken yet."""
    from seatrial.wiring.training.trackers import sync_all
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    left = sync_all(workspace, on_progress=console.progress)
    for name, told in left.items():
        console.step("bad" if told.problem else "ok", name, told.problem or f"{told.n} runs sent")
    if not left:
        console.say("  No tracker is configured, and MLflow is not installed.")
    console.result({name: {"sent": t.n, "problem": t.problem} for name, t in left.items()})
    return Exit.UNAVAILABLE if any(told.problem for told in left.values()) else Exit.DONE


def _line(run: Mapping[str, Any]) -> str:
    metrics = list(run["metrics"].items())[:3]
    told = [f"{name} {value:.4g}" for name, value in metrics]
    progress = run["progress"] or {}
    seconds = run["seconds"] if run["seconds"] is not None else progress.get("seconds")
    if seconds is not None:
        told.insert(0, show_duration(float(seconds)))
    if run["problem"]:
        told.append(str(run["problem"])[:100])
    return f"{run['id']:<38} {', '.join(told)}"


def _facts(run: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    code, error = run["code"], run["error"]
    yield "program", run["program"]
    yield "started", f"{run['started_at'][:19].replace('T', ' ')} UTC, by {run['by']}"
    if run["attempt"] > 1:
        yield "attempt", str(run["attempt"])
    if run["seconds"] is not None:
        peak = f", at most {show_size(run['peak_bytes'])}" if run["peak_bytes"] else ""
        yield "took", f"{show_duration(run['seconds'])}{peak}"
    if run["outcome"]:
        yield "outcome", run["outcome"].replace("_", " ")
    if error:
        yield "problem", error["problem"]
        yield "what to do", error["remedy"]
    yield "seed", str(run["seed"])
    for file in run["data"]:
        yield file["role"], f"{file['path']} ({file['sha256'][:12]}…)"
    if code["commit"]:
        yield "commit", code["commit"][:12] + (" and changes" if code["dirty"] else "")
    for path, digest in code["files"].items():
        yield "code", f"{path} ({digest[:12]}…)"
    yield (
        "python",
        f"{run['environment']['python']}, {len(run['environment']['packages'])} packages",
    )
    if run["against_constant"]:
        yield "beside a constant", run["against_constant"].replace("_", " ")
    if run["bundle"]:
        yield "bundle", f"{run['bundle'][:12]}…"
    if run["model"]:
        yield "model", f"{run['folder']}/out/{run['model']}"
    yield "log", f"{run['folder']}/log.txt"
    for name, problem in run["trackers"].items():
        yield name, problem or "has it"


def _table(console: Console, title: str, values: Mapping[str, Any]) -> None:
    if values:
        console.say(f"  {title}")
    for name, value in values.items():
        console.say(f"    {name:<26} {_short(value)}")


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:60]
