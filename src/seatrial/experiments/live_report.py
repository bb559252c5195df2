"""What is known of a running experiment: its judgement, and what its variants did with requests."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.design import Experiment, Kind
from seatrial.experiments.judge import judge
from seatrial.experiments.ledger import Counts, Ledger, Rows
from seatrial.experiments.tally import Labelled, Tally, Units, tally
from seatrial.experiments.verdicts import Judgement
from seatrial.kernel.errors import Invalid
from seatrial.release.judge import judge as judge_gates
from seatrial.release.measurement import Summary
from seatrial.release.recent import numbers
from seatrial.release.verdict import Outcome

_HOUR_S = 3_600
_MINUTE_S = 60
_ENDLESS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class ReportUnreadable(Invalid):
    """A report of an experiment that this version of seatrial cannot read."""

    code = "experiment.report_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A look at a running experiment.

    Args:
        at: when.
        judgement: of its users.
        requests: what each variant did, in order, as `release.recent.numbers` has it. Requests of
            one user are alike, so these have no intervals.
        gates: by variant, without the control: the judgement of its gates as a record.
        failed: why a gate ends the experiment; "" where none does.
        counts: of what it rests on.
    """

    at: datetime
    judgement: Judgement
    requests: tuple[Mapping[str, Any], ...]
    gates: Mapping[str, Mapping[str, Any]]
    failed: str
    counts: Counts


def look(
    file: ExperimentFile, ledger: Ledger, summaries: tuple[Summary, ...], *, now: datetime
) -> Report:
    """Judge what is there.

    Args: summaries: of the variants' requests, in order.
    """
    design = file.design()
    counts = ledger.counts()
    window = None if design.window_s is None else round(design.window_s * 1e6)
    rows = ledger.rows(until_us=round(now.timestamp() * 1e6), window_us=window)
    found = replace(
        tallied(design, rows), n_crossed=counts.n_crossed, n_unexposed=counts.n_unexposed
    )
    gates, failed = _gated(file, summaries)
    return Report(
        at=now,
        judgement=judge(design, found, now=now),
        requests=tuple(numbers(one) for one in summaries),
        gates=gates,
        failed=failed,
        counts=counts,
    )


def tallied(design: Experiment, rows: Rows) -> Tally:
    """The sums of an experiment's users, by hour where its horizon has days, else by minute."""
    values = {**rows.values, **rows.covariates}
    for metric in design.metrics:
        if metric.kind is Kind.SHARE:
            values[metric.name] = (rows.values[metric.name] != 0).astype(np.float64)
    units = Units(
        variant=rows.place,
        values=values,
        at=rows.at_us.astype("datetime64[us]"),
        segments={name: _labelled(texts) for name, texts in rows.segments.items()},
    )
    return tally(design, units, slice_s=_HOUR_S if design.horizon.days else _MINUTE_S)


def _labelled(texts: Any) -> Labelled:
    values = tuple(sorted({text for text in texts if text is not None}))
    places = {value: place for place, value in enumerate(values)}
    codes = [-1 if text is None else places[text] for text in texts]
    return Labelled(codes=np.array(codes, np.intp), values=values)


def _gated(
    file: ExperimentFile, summaries: tuple[Summary, ...]
) -> tuple[dict[str, dict[str, Any]], str]:
    """What the gates say of each variant, and why one ends the experiment."""
    if file.gates is None:
        return {}, ""
    gates, (control, *others) = file.gates.gates(), summaries
    names = list(file.variants)[1:]
    judged = {
        name: judge_gates(gates, canary=one, stable=control)
        for name, one in zip(names, others, strict=True)
    }
    failed = [f"{n}: {j.reason}" for n, j in judged.items() if j.outcome is Outcome.FAIL]
    return {name: dict(j.as_dict()) for name, j in judged.items()}, "; ".join(failed)


def kept(report: Report) -> dict[str, Any]:
    """A report as the store keeps it: plain JSON, which has no infinite numbers."""
    plain: dict[str, Any] = _finite(msgspec.to_builtins(report))
    return plain


def read(record: Mapping[str, object]) -> Report:
    """The report that was kept.   Raises: ReportUnreadable."""
    try:
        return msgspec.convert(_endless(record), Report)
    except (msgspec.ValidationError, Invalid) as problem:
        raise ReportUnreadable(
            f"The report of the experiment cannot be read: {problem}.",
            remedy="Read it with the version of seatrial that wrote it.",
        ) from problem


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"not_finite": str(value)}
    return value


def _endless(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {"not_finite"}:
            return _ENDLESS[str(value["not_finite"])]
        return {key: _endless(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_endless(one) for one in value]
    return value
