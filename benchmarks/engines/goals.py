"""What seatrial is to reach beside other engines, as ratios within one run. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from benchmarks.engines.loads import BY_HAND, SUBJECT, load
from benchmarks.serving.goals import Goal, Result
from benchmarks.serving.medians import Cell
from benchmarks.serving.scenario import Model

OURS = (SUBJECT, "seatrial-grpc", "seatrial-triton")
MARGIN = 1.1
"""Two figures that are to be alike may differ by so much: the spread of rounds."""

Cells = Mapping[tuple[str, str], Cell]


def evaluate(cells: Cells) -> list[Goal]:
    """Every goal.   Args: cells: by server and load."""
    small, net = (load(model, 1, 16).name for model in (Model.GBDT, Model.NET))
    small_1, net_1 = (load(model, 1, 1).name for model in (Model.GBDT, Model.NET))
    int8 = load(Model.NET_INT8, 1, 16).name
    others = sorted({peer for peer, _ in cells} - set(OURS))
    return [
        _rate(cells, "small model, 16 clients: the rate of code by hand", small, BY_HAND, small),
        _quick(cells, "small model, 1 client: p50 of code by hand", small_1, BY_HAND, MARGIN),
        _best(cells, "net, 16 clients: the rate of the best other engine", net, others),
        _quick(cells, "net, 1 client: p50 of code by hand", net_1, BY_HAND, MARGIN),
        _rate(
            cells, "small model over gRPC, 16 clients: Triton's rate", small, "triton-grpc", small,
            ours="seatrial-grpc",
        ),
        _added(cells, "in front of Triton, net, 1 client: 1 ms more at p50", net_1),
        _rate(cells, "int8 against full, 16 clients: 1.5 times the rate", int8, SUBJECT, net, 1.5),
        _faultless(cells),
    ]  # fmt: skip


def _rate(
    cells: Cells, title: str, load: str, other: str, theirs: str, factor: float = 1.0,
    ours: str = SUBJECT,
) -> Goal:  # fmt: skip
    mine, its = cells.get((ours, load)), cells.get((other, theirs))
    if mine is None or its is None:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    ratio = mine.rate / its.rate if its.rate else math.inf
    return _goal(title, f"{math.floor(ratio * 100) / 100:.2f}", met=ratio >= factor)


def _best(cells: Cells, title: str, load: str, others: list[str]) -> Goal:
    rates = {peer: cells[peer, load].rate for peer in others if (peer, load) in cells}
    if not rates:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    return _rate(cells, title, load, max(rates, key=rates.__getitem__), load)


def _quick(cells: Cells, title: str, load: str, other: str, factor: float) -> Goal:
    mine, its = cells.get((SUBJECT, load)), cells.get((other, load))
    if mine is None or its is None:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    said = f"{mine.p50_ms:.2f} ms against {its.p50_ms:.2f} ms"
    return _goal(title, said, met=mine.p50_ms <= factor * its.p50_ms)


def _added(cells: Cells, title: str, load: str) -> Goal:
    mine, its = cells.get(("seatrial-triton", load)), cells.get(("triton", load))
    if mine is None or its is None:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    added_ms = mine.p50_ms - its.p50_ms
    return _goal(title, f"{added_ms:.2f} ms", met=added_ms <= 1)


def _faultless(cells: Cells) -> Goal:
    title = "no request to seatrial failed"
    ours = [cell for (peer, _), cell in cells.items() if peer in OURS]
    if not ours:
        return Goal(title=title, measured="-", result=Result.NOT_MEASURED)
    n_errors, n_requests = sum(c.n_errors for c in ours), sum(c.n_requests for c in ours)
    return _goal(title, f"{n_errors:,} of {n_requests:,}", met=n_errors == 0)


def _goal(title: str, measured: str, *, met: bool) -> Goal:
    return Goal(title=title, measured=measured, result=Result.MET if met else Result.MISSED)
