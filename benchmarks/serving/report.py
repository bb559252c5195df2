"""The report: Markdown for people, in full and in short, and JSON for machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from benchmarks.serving import chinese
from benchmarks.serving.goals import Goal, evaluate
from benchmarks.serving.machine import Machine
from benchmarks.serving.medians import Cell, Medians, summarise
from benchmarks.serving.run import Failure, Outcome, Settings, Start, Timing
from benchmarks.serving.scenario import Scenario

BUSY_SHARE_LIMIT = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """A language: its sentences, and what it makes of English terms and machines."""

    cell: str
    cold_start: str
    memory: str
    measured: str
    busy: str
    term: Callable[[str], str] = str
    machine: Callable[[str], str] = str


_SUMMARY = {
    "en": _Words(
        cell="requests/s (p99 ms)",
        cold_start="cold start s",
        memory="memory MB",
        measured="Measured on {machine}. One worker each on one core, `wrk` on another; "
        "medians of {rounds} interleaved rounds of {seconds} s.",
        busy="**The machine was not quiet: {share} of it was busy before the run. These figures "
        "are a smoke test, not a measurement.**",
    ),
    "zh": _Words(
        cell="请求/秒（p99，ms）",
        cold_start="冷启动（秒）",
        memory="内存（MB）",
        measured="测试机器：{machine}。每个服务一个工作进程，独占一核，`wrk` 在另一核；"
        "共 {rounds} 轮，交错进行，每轮 {seconds} 秒，取中位数。",
        busy="**机器当时不空闲：开始前已有 {share} 被占用。这些数字只说明能跑通，不算测量结果。**",
        term=chinese.term,
        machine=chinese.machine,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A finished run.

    Args:
        titles: of the servers, by name, in order.
        versions: by server, then by package.
        n_left_out: rows not sent because two engines disagree on them.
    """

    machine: Machine
    settings: Settings
    scenarios: Sequence[Scenario]
    titles: dict[str, str]
    versions: dict[str, dict[str, str]]
    n_left_out: int
    outcomes: Sequence[Outcome]


LANGUAGES = ("en", "zh")


def summary(run: Run, language: str = "en") -> str:
    """One table for a front page, and on what it was measured.

    Args: language: one of `LANGUAGES`.
    """
    medians = summarise(run.outcomes)
    w = _SUMMARY[language]
    head = ["", *(f"{w.term(s.short)}<br>{w.cell}" for s in run.scenarios)]
    rows = [
        [w.term(title), *(_rate_and_p99(medians.cells.get((name, s.name))) for s in run.scenarios)]
        for name, title in run.titles.items()
    ]
    head += [w.cold_start, w.memory]
    for row, name in zip(rows, run.titles, strict=True):
        row += [_number(medians.cold_start_s.get(name), 2), _number(medians.memory_mb.get(name), 0)]
    return f"{_heading(run, language)}\n\n{_table(head, rows)}"


def markdown(run: Run) -> str:
    """Every table: rates and latencies, starts, goals, failures, versions."""
    medians = summarise(run.outcomes)
    parts = [_heading(run)]
    parts += [_scenario_table(run, medians, scenario) for scenario in run.scenarios]
    parts += [_start_table(run, medians), _goal_table(evaluate(medians))]
    if medians.failures:
        parts.append(_failure_list(medians.failures))
    parts.append(_checks(run, medians))
    parts.append(_version_list(run.versions))
    return "\n\n".join(parts) + "\n"


def as_json(run: Run) -> str:
    """Everything: the settings, every round's figures and the goals."""
    return json.dumps(
        {
            "schema": 1,
            "machine": asdict(run.machine),
            "settings": asdict(run.settings),
            "versions": run.versions,
            "timings": [asdict(x) for x in run.outcomes if isinstance(x, Timing)],
            "starts": [asdict(x) for x in run.outcomes if isinstance(x, Start)],
            "failures": [asdict(x) for x in run.outcomes if isinstance(x, Failure)],
            "goals": [asdict(goal) for goal in evaluate(summarise(run.outcomes))],
        },
        indent=2,
    )


def _heading(run: Run, language: str = "en") -> str:
    s, w = run.settings, _SUMMARY[language]
    lines = [
        w.measured.format(
            machine=w.machine(run.machine.description),
            rounds=s.rounds,
            seconds=f"{s.duration_s:g}",
        )
    ]
    if run.machine.busy_share > BUSY_SHARE_LIMIT:
        lines.append(w.busy.format(share=f"{run.machine.busy_share:.0%}"))
    return "\n\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _rate_and_p99(cell: Cell | None) -> str:
    return "-" if cell is None else f"{cell.rate:,.0f} ({cell.p99_ms:.2f})"


def _scenario_table(run: Run, medians: Medians, scenario: Scenario) -> str:
    rows = []
    for name, title in run.titles.items():
        cell = medians.cells.get((name, scenario.name))
        if cell is not None:
            rows.append((cell.rate, [title, *_columns(cell)]))
    rows.sort(key=lambda row: row[0], reverse=True)
    head = ["", "requests/s", "slowest - fastest round", "p50 ms", "p95 ms", "p99 ms", "errors"]
    return f"**{scenario.title}**\n\n" + _table(head, [row for _, row in rows])


def _columns(cell: Cell) -> list[str]:
    return [
        f"{cell.rate:,.0f}",
        f"{cell.rate_low:,.0f} - {cell.rate_high:,.0f}",
        f"{cell.p50_ms:.2f}",
        f"{cell.p95_ms:.2f}",
        f"{cell.p99_ms:.2f}",
        f"{cell.n_errors:,} of {cell.n_requests:,}",
    ]


def _start_table(run: Run, medians: Medians) -> str:
    rows = [
        [title, f"{medians.cold_start_s[name]:.2f}", f"{medians.memory_mb[name]:.0f}"]
        for name, title in run.titles.items()
        if name in medians.cold_start_s
    ]
    return "**Start and memory, model loaded**\n\n" + _table(
        ["", "cold start to first 200, s", "memory (PSS of all processes), MB"], rows
    )


def _goal_table(goals: Sequence[Goal]) -> str:
    return "**Goals**\n\n" + _table(
        ["goal", "measured", ""], [[g.title, g.measured, g.result] for g in goals]
    )


def _failure_list(failures: Sequence[Failure]) -> str:
    lines = [f"- {f.peer} ({f.what}): {f.reason}" for f in failures]
    return "**Without figures**\n\n" + "\n".join(lines)


def _checks(run: Run, medians: Medians) -> str:
    n_checked = sum(cell.n_checked for cell in medians.cells.values())
    return (
        f"{n_checked:,} answers, before and after every timed load and at its concurrency, were "
        "compared with the model's own; one wrong answer takes a server out of the round. "
        f"{run.n_left_out} of the data's rows were not sent, because there the float32 graph and "
        "the float64 model fall on different sides of a tree's threshold."
    )


def _version_list(versions: dict[str, dict[str, str]]) -> str:
    lines = [
        f"- {name}: {', '.join(f'{p} {v}' for p, v in packages.items())}"
        for name, packages in versions.items()
    ]
    return "Versions:\n\n" + "\n".join(lines)
