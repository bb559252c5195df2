"""`seatrial monitor`: compare data with a reference, watch a log, and see what the watch found."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.monitor_alerts import COMMANDS as ALERT_COMMANDS
from seatrial.cli.monitor_deploy import COMMANDS as DEPLOY_COMMANDS
from seatrial.cli.monitor_files import COMMANDS as FILE_COMMANDS
from seatrial.cli.monitor_options import file_option, home_option, read_file
from seatrial.cli.monitor_show import show_comparison
from seatrial.cli.options import json_option
from seatrial.cli.output import Console
from seatrial.cli.page_file import write_output
from seatrial.cli.stopping import told_to_stop
from seatrial.kernel.config import validated
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.watching.batch import Outcome, RuleName
from seatrial.monitoring.watching.data_config import without_password
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring.workspace import open_workspace

_EXITS = {
    Outcome.CLEAR: Exit.DONE,
    Outcome.WARNING: Exit.DONE,
    Outcome.ALARM: Exit.GATE_FAILED,
    Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
}


@click.group()
def monitor() -> None:
    """Compare data with a reference, watch a log, and see what the watch found."""


class _RulesType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """Names of rules, separated by commas."""

    name = "rules"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[RuleName, ...]:
        """See `click.ParamType`."""
        if isinstance(value, tuple):
            return value
        known = [rule.value for rule in RuleName]
        names = [name.strip() for name in str(value).split(",")]
        for name in names:
            if name not in known:
                self.fail(f"{name!r} is no rule; use {', '.join(known)}", param, ctx)
        return tuple(RuleName(name) for name in names)


@monitor.command()
@file_option(required=False)
@click.option(
    "--reference", help="Rows of the training: a file, a folder or a database's URL with #TABLE."
)
@click.option("--current", help="Rows to compare with them.")
@click.option(
    "--rules",
    type=_RulesType(),
    default="default",
    show_default=True,
    help="What to judge by: default, psi (0.1 and 0.2), ks (p < 0.05), separated by commas.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page that needs nothing else, to look at or to mail.",
)
@click.option("--language", type=click.Choice(["en", "zh"]), help="Of that page.")
@home_option
@json_option
def report(
    config: Path | None,
    reference: str | None,
    current: str | None,
    rules: tuple[RuleName, ...],
    html: Path | None,
    language: str | None,
    home: Path | None,
    as_json: bool,
) -> int:
    """Compare rows with a reference, once: what moved, how far, and what to do.

    Exit code 0: nothing that matters, or warnings only; 3: an alarm, or something critical; 4: too
    few rows to say. With --config, all rows of its data are compared with its reference.
    """
    from seatrial.wiring.watching.batch_report import compared

    console = Console(as_json=as_json)
    file, folder = _to_compare(config, reference, current)
    console.progress("reading", "reference and rows")
    now = datetime.now(UTC)
    found = compared(
        file, folder=folder, workspace=partial(open_workspace, home=home), rules=rules, now=now
    )
    record = found.as_dict()
    show_comparison(console, record)
    if html is not None:
        _write_page(html, file, record, language=language or file.notify.language, now=now)
        console.say(f"  page: {html}")
    console.result(record)
    return _EXITS[found.verdict.outcome]


@monitor.command()
@file_option(required=True)
@click.option("--once", is_flag=True, help="Judge what is there and end, as from cron.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Also answer /metrics on this port of 127.0.0.1; 0 takes any free one.",
)
@home_option
@json_option
def run(config: Path, once: bool, port: int | None, home: Path | None, as_json: bool) -> int:
    """Watch the log that the configuration names, until Ctrl-C.

    Where it stopped it goes on, also after a kill: no window is judged twice, and none is left out.
    """
    from seatrial.wiring import detached
    from seatrial.wiring.watching.folder import WatchFolder
    from seatrial.wiring.watching.log_run import run_log_watch

    console = Console(as_json=as_json)
    file, folder = read_file(config)
    if file.data is None:
        raise Invalid(
            f"{config} names no data, so the server of {file.endpoint!r} watches it itself.",
            remedy="Run `seatrial monitor start`, which gives the server this configuration.",
            field="data",
        )
    out = WatchFolder.of(file, folder)

    def ready(address: str) -> None:
        if not once:
            detached.announce(out.record, address=address, log=out.log)
        at = f", metrics at {address}" if address else ""
        console.say(f"{file.endpoint}: watching {file.data.shown if file.data else ''}{at}")

    n = 0
    try:
        n = run_log_watch(
            file,
            folder=folder,
            workspace=partial(open_workspace, home=home),
            stop=told_to_stop(),
            say=console.say,
            once=once,
            port=port,
            ready=ready,
        )
    finally:
        detached.withdraw(out.record)
    console.say(f"{n} windows judged; state and report in {out.path}")
    console.result({"endpoint": file.endpoint, "windows": n, "out": str(out.path)})
    return Exit.DONE


for _command in (*DEPLOY_COMMANDS, *ALERT_COMMANDS, *FILE_COMMANDS):
    monitor.add_command(_command)


def _to_compare(
    config: Path | None, reference: str | None, current: str | None
) -> tuple[MonitoringFile, Path]:
    if config is not None:
        file, folder = read_file(config)
        if reference is not None or current is not None:
            # Named on the command line: these begin in the working folder.
            folder = Path.cwd() if reference is not None and current is not None else folder
        said = file.model_dump(exclude_unset=True, by_alias=True)
        changed = {"reference": reference, "data": current}
        given = {
            name: _instead(said.get(name), source)
            for name, source in changed.items()
            if source is not None
        }
        if given:
            file = validated(MonitoringFile, said | given, "the command line")
        if file.data is not None:
            return file, folder
        raise Invalid(
            f"{config} names no data to compare.",
            remedy="Give --current and --reference, or name data in the file.",
            field="data",
        )
    if reference is None or current is None:
        raise click.UsageError("Give --config, or both --reference and --current.")
    return (
        validated(
            MonitoringFile,
            {"endpoint": _title(current), "reference": reference, "data": current},
            "the command line",
        ),
        Path.cwd(),
    )


def _instead(section: dict[str, Any] | None, source: str) -> dict[str, Any]:
    """Other data, whose columns have the roles that the file gives them."""
    columns = (section or {}).get("columns")
    return {"source": source} | ({} if columns is None else {"columns": columns})


def _by_version(
    file: MonitoringFile, performance: dict[str, Any] | None
) -> dict[str, dict[str, Any]]:
    return {} if performance is None else {str(file.version): performance}


def _title(source: str) -> str:
    return without_password(source).rpartition("/")[2][:200] or "rows"


def _write_page(
    path: Path, file: MonitoringFile, record: dict[str, Any], *, language: str, now: datetime
) -> None:
    from seatrial.web.console.watching import report_page

    text = report_page(
        record["report"],
        title=file.endpoint,
        reference=record["reference"]["source"],
        window=record["current"]["source"],
        language=language,
        performance=_by_version(file, record["performance"]),
        notes=record["told"],
        made_at=now,
    )
    write_output(path, text, option="--html")
