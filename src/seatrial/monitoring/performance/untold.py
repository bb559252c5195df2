"""What was found of a version and not told yet, in a form that is kept with what it came from.

A ledger keeps it in the same change as the predictions and labels it follows from, and forgets it
once it was told; so a kill in between tells it again, and nothing is lost. It is told in rounds
with at most one finding of a kind: a round told twice changes no alert twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.alerts.finding import Finding, Labels, Level, finding_from
from seatrial.monitoring.triggers.rule import Evidence, Measured, Window

SCHEMA = 1


class UntoldUnreadable(Invalid):
    """What was kept to be told is not what this version can read."""

    code = "monitoring.untold_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of something that was taken in.

    Args:
        findings: in order.
        windows: whose performance is known now, for triggers.
    """

    findings: tuple[Finding, ...] = ()
    windows: tuple[Window, ...] = ()

    def __add__(self, other: Told) -> Told:
        return Told(findings=self.findings + other.findings, windows=self.windows + other.windows)

    def __bool__(self) -> bool:
        return bool(self.findings or self.windows)


def rounds_of(told: Told) -> tuple[Told, ...]:
    """The rounds in which to tell.

    Of neighbours that say the same level of the same trouble the newest stands for all. Windows go
    with the last round.
    """
    runs: dict[str, list[Finding]] = {}
    for finding in told.findings:
        run = runs.setdefault(finding.labels.key, [])
        if run and run[-1].level is finding.level:
            run[-1] = finding
        else:
            run.append(finding)
    n_rounds = max((len(run) for run in runs.values()), default=1 if told else 0)
    # Each kind's newest is in the last round.
    return tuple(
        Told(
            findings=tuple(
                run[len(run) - n_rounds + i] for run in runs.values() if len(run) >= n_rounds - i
            ),
            windows=told.windows if i == n_rounds - 1 else (),
        )
        for i in range(n_rounds)
    )


def encode(rounds: Sequence[Told]) -> str:
    """A text that `decode` reads back; empty for none."""
    if not rounds:
        return ""
    kept = [
        {
            "findings": [_finding(f) for f in one.findings],
            "windows": [_window(w) for w in one.windows],
        }
        for one in rounds
    ]
    return msgspec.json.encode({"schema": SCHEMA, "rounds": kept}).decode()


def decode(text: str) -> tuple[Told, ...]:
    """The rounds that were encoded.   Raises: UntoldUnreadable."""
    if not text:
        return ()
    try:
        kept = msgspec.json.decode(text)
        if kept["schema"] != SCHEMA:
            raise _unreadable(f"its schema {kept['schema']!r} is unknown")
        return tuple(
            Told(
                findings=tuple(_finding_from(f) for f in one["findings"]),
                windows=tuple(_window_from(w) for w in one["windows"]),
            )
            for one in kept["rounds"]
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as problem:
        raise _unreadable(repr(problem)) from problem


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "labels": finding.labels.as_dict(),
        "level": finding.level.value,
        "content": finding.content(),
    }


def _finding_from(record: dict[str, Any]) -> Finding:
    return finding_from(Labels(**record["labels"]), Level(record["level"]), record["content"])


def _window(window: Window) -> dict[str, object]:
    return {
        "version": window.version,
        "end": window.end.isoformat(),
        "index": window.index,
        "performance": {
            name: [one.value, one.low, one.high, one.evidence.value]
            for name, one in window.performance.items()
        },
    }


def _window_from(record: dict[str, Any]) -> Window:
    return Window(
        version=record["version"],
        end=datetime.fromisoformat(record["end"]),
        index=record["index"],
        performance={
            name: Measured(value=value, low=low, high=high, evidence=Evidence(evidence))
            for name, (value, low, high, evidence) in record["performance"].items()
        },
    )


def _unreadable(why: str) -> UntoldUnreadable:
    return UntoldUnreadable(
        f"What was kept to be told cannot be read: {why}.",
        remedy="Read it with the version of seatrial that wrote it; what is found anew is told.",
    )
