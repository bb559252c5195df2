"""The report: Markdown for people and JSON for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.gateway.goals import evaluate
from benchmarks.gateway.library import Costs
from benchmarks.gateway.loads import SCENARIOS, Scenario
from benchmarks.gateway.medians import Medians, Row, summarise
from benchmarks.gateway.run import (
    Failure,
    Held,
    Import,
    Outcome,
    Settings,
    Start,
    Streamed,
    Timing,
)
from benchmarks.serving.goals import Goal
from benchmarks.serving.machine import Machine
from benchmarks.serving.report import BUSY_SHARE_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run.

    Args:
        titles, duties: of the gateways, by name, in order.
        versions: by gateway, then by package.
    """

    machine: Machine
    settings: Settings
    titles: dict[str, str]
    duties: dict[str, str]
    versions: dict[str, dict[str, str]]
    outcomes: Sequence[Outcome]


def markdown(run: Run) -> str:
    """Every table: loads, streams, starts, the library, goals, failures, versions."""
    medians = summarise(run.outcomes)
    parts = [_heading(run)]
    parts += [_load_table(run, medians, one) for one in SCENARIOS]
    parts += [_added_table(run, medians), _start_table(run, medians), _held_table(run, medians)]
    if medians.libraries:
        parts.append(_library_table(medians))
    parts.append(_goal_table(evaluate(medians)))
    if medians.failures:
        parts.append(_failure_list(run, medians.failures))
    parts.append(_version_list(run))
    return "\n\n".join(parts) + "\n"


def as_json(run: Run) -> str:
    """Everything: the settings, every round's figures and the goals."""
    kinds = {
        "timings": Timing,
        "streams": Streamed,
        "starts": Start,
        "held": Held,
        "libraries": Costs,
        "imports": Import,
        "failures": Failure,
    }
    return json.dumps(
        {
            "schema": 1,
            "machine": asdict(run.machine),
            "settings": asdict(run.settings),
            "versions": run.versions,
            "goals": [asdict(x) for x in evaluate(summarise(run.outcomes))],
            **{
                name: [asdict(x) for x in run.outcomes if isinstance(x, kind)]
                for name, kind in kinds.items()
            },
        },
        indent=2,
    )


def _heading(run: Run) -> str:
    s = run.settings
    lines = [
        f"Measured on {run.machine.description}. One worker each on one core; the upstream and "
        f"`wrk` on another; medians of {s.rounds} interleaved rounds of {s.duration_s:g} s."
    ]
    if run.machine.busy_share > BUSY_SHARE_LIMIT:
        lines.append(
            f"**The machine was not quiet: {run.machine.busy_share:.0%} of it was busy before the "
            "run. CPU of a request is near what it is; rates and times are not, for anybody.**"
        )
    return "\n\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _load_table(run: Run, medians: Medians, scenario: Scenario) -> str:
    rows = []
    for name, title in run.titles.items():
        cell = medians.rows.get(name, Row()).cells.get(scenario.name)
        if cell is not None:
            columns = [
                title,
                f"{cell.rate:,.0f}",
                f"{cell.rate_low:,.0f} - {cell.rate_high:,.0f}",
                f"{cell.cpu_ms:.3f}",
                f"{cell.p50_ms:.2f}",
                f"{cell.p99_ms:.2f}",
                f"{cell.n_errors:,} of {cell.n_requests:,}",
            ]
            rows.append((cell.cpu_ms, columns))
    rows.sort(key=lambda row: row[0])
    head = ["", "requests/s", "slowest - fastest round", "CPU ms", "p50 ms", "p99 ms", "errors"]
    return f"**{scenario.title.capitalize()}**\n\n" + _table(head, [row for _, row in rows])


def _rows(run: Run, medians: Medians) -> list[tuple[str, str, Row]]:
    found = ((name, title, medians.rows.get(name)) for name, title in run.titles.items())
    return [(name, title, row) for name, title, row in found if row is not None]


def _added_table(run: Run, medians: Medians) -> str:
    head = ["", "added p50, ms", "added until a stream's first word, ms", "CPU of a stream, ms"]
    rows = [
        [
            title,
            _number(row.added_p50_ms, 2),
            _number(row.added_first_ms, 2),
            _number(row.stream_cpu_ms, 2),
        ]
        for _, title, row in _rows(run, medians)
    ]
    return "**Added to the upstream's own times, one request at a time**\n\n" + _table(head, rows)


def _start_table(run: Run, medians: Medians) -> str:
    head = [
        *("", "cold start, s", "memory after the first answer, MB", "after the loads, MB"),
        *("processes", "duties"),
    ]
    rows = [
        [
            title,
            _number(row.cold_start_s, 2),
            _number(row.memory_mb, 0),
            _number(row.loaded_mb, 0),
            _number(row.n_processes, 0),
            run.duties[name],
        ]
        for name, title, row in _rows(run, medians)
    ]
    return "**Start, memory (PSS of all processes) and duties**\n\n" + _table(head, rows)


def _held_table(run: Run, medians: Medians) -> str:
    n_open = run.settings.n_open
    head = ["", "memory of each open stream, KB", "of one that is not read, MB"]
    rows = [
        [title, _number(row.open_stream_kb, 0), _number(row.unread_mb, 1)]
        for _, title, row in _rows(run, medians)
        if row.open_stream_kb is not None
    ]
    return f"**{n_open:,} streams open at once, all of which end whole**\n\n" + _table(head, rows)


def _library_table(medians: Medians) -> str:
    head = [
        "",
        "over the bare exchange, CPU ms",
        "a call, CPU ms",
        "the exchange by aiohttp, CPU ms",
    ]
    rows = [
        [
            f"{one.title} ({one.version})",
            f"{one.structured_ms - one.raw_ms:.2f}",
            f"{one.structured_ms:.2f}",
            f"{one.raw_ms:.2f}",
        ]
        for one in medians.libraries
    ]
    title = "**As a library: a structured answer as a Pydantic instance, one call at a time**"
    told = _number(medians.import_s, 2)
    return f"{title}\n\n{_table(head, rows)}\n\n`import seatrial.gateway`: {told} s."


def _goal_table(goals: Sequence[Goal]) -> str:
    return "**Goals**\n\n" + _table(
        ["goal", "measured", ""], [[g.title, g.measured, g.result] for g in goals]
    )


def _failure_list(run: Run, failures: Sequence[Failure]) -> str:
    lines = [f"- {run.titles.get(f.peer, f.peer)} ({f.what}): {f.reason}" for f in failures]
    return "**Without figures**\n\n" + "\n".join(dict.fromkeys(lines))


def _version_list(run: Run) -> str:
    lines = [
        f"- {run.titles[name]}: {', '.join(f'{p} {v}' for p, v in packages.items())}"
        for name, packages in run.versions.items()
    ]
    return "**Versions**\n\n" + "\n".join(lines)
