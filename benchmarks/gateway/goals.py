"""What seatrial's gateway is to reach. Pure."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.gateway.medians import Medians, Row
from benchmarks.serving.goals import Goal, Result

SUBJECT = "seatrial"
FASTEST = "c16"
"""The load by which rate and CPU are told."""


def evaluate(medians: Medians) -> list[Goal]:
    """Every goal against the medians of a run."""
    library = next((one for one in medians.libraries if one.library == SUBJECT), None)
    row = medians.rows.get(SUBJECT, Row())
    cell = row.cells.get(FASTEST)
    hits = row.cells.get("hits")
    return [
        _most("CPU of a request, everything on", cell and cell.cpu_ms, 0.2, "ms"),
        _least("requests a second on one core", cell and cell.rate, 4500),
        _most("added at concurrency 1, median", row.added_p50_ms, 0.5, "ms"),
        _hits(hits and hits.rate, cell and cell.rate),
        _most("delay of a stream's first word", row.added_first_ms, 1, "ms"),
        _most("memory, all processes, after its first answer", row.memory_mb, 80, "MB"),
        _most("memory of each of 1,000 open streams", row.open_stream_kb, 100, "KB"),
        _most("memory of a stream of 64 MB that nobody reads", row.unread_mb, 16, "MB"),
        _most("cold start to the first answer", row.cold_start_s, 1, "s"),
        _most("import of seatrial.gateway", medians.import_s, 0.3, "s"),
        _most(
            "validated structured answer, over the raw HTTP call, CPU",
            library and library.structured_ms - library.raw_ms,
            0.5,
            "ms",
        ),
        _faultless(medians),
    ]


def _most(title: str, value: float | None, limit: float, unit: str) -> Goal:
    return _goal(
        f"{title}: at most {limit:g} {unit}", value, lambda x: x <= limit, f"{{:.3g}} {unit}"
    )


def _least(title: str, value: float | None, limit: float) -> Goal:
    return _goal(f"{title}: at least {limit:,}", value, lambda x: x >= limit, "{:,.0f}")


def _hits(hits: float | None, misses: float | None) -> Goal:
    ratio = hits / misses if hits and misses else None
    title = "cache hits: at least 3 times the rate of misses"
    return _goal(title, ratio, lambda x: x >= 3, "{:.1f}")


def _goal(title: str, value: float | None, met: Callable[[float], bool], form: str) -> Goal:
    if value is None:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    result = Result.MET if met(value) else Result.MISSED
    return Goal(title=title, measured=form.format(value), result=result)


def _faultless(medians: Medians) -> Goal:
    """Every request of every timed load answered with status 200."""
    title = "no request failed"
    cells = list(medians.rows.get(SUBJECT, Row()).cells.values())
    if not cells:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    n_errors, n_requests = sum(c.n_errors for c in cells), sum(c.n_requests for c in cells)
    result = Result.MET if n_errors == 0 else Result.MISSED
    return Goal(title=title, measured=f"{n_errors:,} of {n_requests:,}", result=result)
