"""`seatrial doctor`: check that everything seatrial needs is there."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.wiring.examination import Finding, Health, examine

_MARKS = {Health.OK: "ok", Health.NOTE: "note", Health.PROBLEM: "bad"}


@click.command()
@workspace_options
@json_option
def doctor(home: Path | None, config: Path | None, as_json: bool) -> int:
    """Check Python, libraries, folder, store, port and processes; say what to do.

    Ends with 0 when nothing stands in the way, and with 10 otherwise.
    """
    console = Console(as_json=as_json)
    findings = []
    for finding in examine(home=home, config=config):
        findings.append(finding)
        _show(console, finding)
    problems = [finding for finding in findings if finding.health is Health.PROBLEM]
    console.say("")
    console.say(_summary(len(problems)))
    console.result({"ok": not problems, "findings": [finding.as_dict() for finding in findings]})
    return Exit.UNAVAILABLE if problems else Exit.DONE


def _show(console: Console, finding: Finding) -> None:
    console.step(_MARKS[finding.health], finding.part, finding.text)
    if finding.remedy:
        console.say(f"               → {finding.remedy}")


def _summary(n_problems: int) -> str:
    if not n_problems:
        return "Nothing stands in the way."
    return f"{n_problems} problem{'s' if n_problems > 1 else ''}: do what the arrows say."
