"""Commands that check, start and stop the monitors of a configuration."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.monitor_options import file_option, home_option, read_file
from seatrial.cli.options import json_option
from seatrial.cli.output import Console
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.packaging.grafana import Language
from seatrial.wiring.watching.folder import WatchFolder
from seatrial.wiring.watching.server_section import Section, Standing, give_section, standing
from seatrial.wiring.workspace import open_workspace

_MOST = 8


@click.command()
@file_option(required=True)
@home_option
@json_option
def check(config: Path, home: Path | None, as_json: bool) -> int:
    """Validate a configuration and show what `start` would do; changes nothing.

    Which columns were found, how many rows, the reference, the sinks and whether they answer.
    """
    from seatrial.wiring.watching.check import check_sinks

    console = Console(as_json=as_json)
    file, folder = read_file(config)
    console.head(f"{config}: {file.endpoint} version {file.version}")
    record: dict[str, Any] = {"endpoint": file.endpoint, "out": None}
    if file.data is None:
        record["server"] = _check_server(console, file, home)
    else:
        record |= _check_log(console, file, folder, home)
    record["sinks"] = [state.as_dict() for state in check_sinks(file.notify)]
    for sink in record["sinks"]:
        mark = "ok" if sink["reachable"] else "bad"
        console.step(mark, "sink", f"{sink['name']} ({sink['kind']}): {sink['said']}")
    if not record["sinks"]:
        console.step("note", "sink", "none: alerts are kept, and nobody is told")
    record["triggers"] = [trigger.name for trigger in file.triggers]
    console.step("note", "triggers", ", ".join(record["triggers"]) or "none")
    console.say("Nothing was changed. Start it with: seatrial monitor start --config FILE")
    console.result(record)
    return Exit.DONE


@click.command()
@file_option(required=True)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Also answer /metrics on this port of 127.0.0.1; 0 takes any free one.",
)
@home_option
@json_option
def start(config: Path, port: int | None, home: Path | None, as_json: bool) -> int:
    """Start the monitor of a configuration in the background; write rules and dashboard.

    Without data in the file, the server of the workspace watches: it is given this configuration as
    the section monitoring of seatrial.yaml.
    """
    from seatrial.wiring.watching.files import DASHBOARD, write_dashboard, write_rules

    console = Console(as_json=as_json)
    file, folder = read_file(config)
    out = WatchFolder.of(file, folder)
    out.make()
    record: dict[str, Any] = {"endpoint": file.endpoint, "out": str(out.path)}
    if file.data is None:
        record["server"] = _give_server(console, file, home)
    else:
        record["monitor"] = _start_log(console, config, out, home, port)
    paths = write_rules(out.path, file.service, serves=file.data is None)
    paths.append(
        write_dashboard(out.path / DASHBOARD, file.service, language=Language(file.notify.language))
    )
    for path in paths:
        console.step("ok", "written", str(path))
    if file.data is not None:
        console.step("note", "metrics", f"{out.metrics} for node_exporter's textfile collector")
        console.step("note", "report", f"{out.report}, after the first window")
    record["files"] = [str(path) for path in paths]
    console.result(record)
    return Exit.DONE


@click.command()
@file_option(required=True)
@json_option
def stop(config: Path, as_json: bool) -> int:
    """Stop the monitor that `start` put into the background."""
    from seatrial.wiring.watching.background import stop_monitor

    console = Console(as_json=as_json)
    file, folder = read_file(config)
    if file.data is None:
        raise click.UsageError(
            "The server of the workspace watches this endpoint: stop it with `seatrial down`, or "
            "set monitoring.enabled to false."
        )
    pid = stop_monitor(WatchFolder.of(file, folder))
    console.say(f"Stopped the monitor of {file.endpoint} (process {pid}).")
    console.result({"endpoint": file.endpoint, "pid": pid})
    return Exit.DONE


def _check_log(
    console: Console, file: MonitoringFile, folder: Path, home: Path | None
) -> dict[str, Any]:
    from seatrial.wiring.watching.background import running_monitor
    from seatrial.wiring.watching.check import check_log

    console.progress("reading", "reference and log")
    found = check_log(file, folder=folder, workspace=partial(open_workspace, home=home))
    there, here = found["reference"], found["log"]
    console.step("ok", "reference", f"{there['source']}: {there['rows']:,} rows")
    mark = "ok" if here["rows"] else "note"
    console.step(mark, "log", f"{here['source']}: {here['rows']:,} rows so far")
    columns = here["columns"]
    roles = [
        f"{name} {'+'.join(value) if isinstance(value, list) else value}"
        for name in ("timestamp", "id", "prediction", "scores", "label")
        if (value := columns[name])
    ]
    console.step("note", "columns", "; ".join(roles) or "no time, prediction or label was found")
    features = [f"{name} ({kind})" for name, kind in columns["features"].items()]
    console.step("note", "features", _few(features) or "none yet")
    for key in ("not_in_the_reference", "not_in_the_log"):
        if columns[key]:
            console.step("bad", "columns", f"{key.replace('_', ' ')}: {_few(columns[key])}")
    console.step("note", "windows", found["windows"])
    if found["performance"]:
        console.step("note", "performance", found["performance"])
    for text in (found["importance"], *there["notes"], *found["problems"][:_MOST]):
        console.step("note", "note", text)
    out = WatchFolder.of(file, folder)
    running = running_monitor(out)
    state = f"a monitor runs (process {running.pid})" if running else "no monitor runs yet"
    console.step("note", "folder", f"{out.path}; {state}")
    return found | {"out": str(out.path), "pid": running.pid if running else None}


def _check_server(console: Console, file: MonitoringFile, home: Path | None) -> dict[str, Any]:
    found = standing(file, open_workspace(home=home))
    said = {
        Section.SAME: f"{found.path} says the same already",
        Section.MISSING: f"the section monitoring would be added to {found.path}",
        Section.DIFFERENT: f"{found.path} says something else: {', '.join(found.keys)}",
    }
    mark = "bad" if found.section is Section.DIFFERENT else "ok"
    console.step(mark, "server", said[found.section])
    return _server_record(found)


def _give_server(console: Console, file: MonitoringFile, home: Path | None) -> dict[str, Any]:
    from seatrial.wiring.background import running

    workspace = open_workspace(home=home)
    found = standing(file, workspace)
    if give_section(found):
        console.step("ok", "server", f"the section monitoring was added to {found.path}")
    else:
        console.step("ok", "server", f"{found.path} says the same already")
    server = running(workspace)
    if server is None:
        console.step("note", "server", "none runs in the background: start it with `seatrial up`")
    elif found.section is not Section.SAME:
        console.step(
            "note",
            "server",
            f"process {server.pid} has the old configuration: run `seatrial down`, then "
            "`seatrial up --detach`",
        )
    else:
        console.step("ok", "server", f"process {server.pid} on {server.address} watches")
    return _server_record(found) | {"pid": server.pid if server else None}


def _server_record(found: Standing) -> dict[str, Any]:
    return {
        "file": str(found.path),
        "section": found.section.value,
        "keys": list(found.keys),
        "text": found.text,
    }


def _start_log(
    console: Console, config: Path, out: WatchFolder, home: Path | None, port: int | None
) -> dict[str, Any]:
    from seatrial.wiring.watching.background import start_monitor

    workspace = open_workspace(home=home)
    running = start_monitor(config, out, home=workspace.home, port=port)
    at = f", metrics at {running.address}" if running.address else ""
    console.step("ok", "monitor", f"process {running.pid}{at}")
    console.step("note", "log", str(running.log))
    return {"pid": running.pid, "address": running.address, "log": str(running.log)}


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more


COMMANDS = (check, start, stop)
