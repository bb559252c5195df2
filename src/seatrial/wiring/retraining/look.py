"""Whether the model in production lost: its newest labelled rows against its reference."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.kernel.errors import SeatrialError
from seatrial.kernel.store import FactLog
from seatrial.monitoring.performance.served_reference import read_reference
from seatrial.monitoring.rows.served import column_of
from seatrial.packaging.accepted_rows import accepted_rows
from seatrial.packaging.sample import Sample
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.stats.performance import Metric
from seatrial.training.evaluation.alone import alone
from seatrial.training.evaluation.answers import Answers, Holdout
from seatrial.wiring.deploying.versions import open_version
from seatrial.wiring.evaluation.answers import Asked, answers_of
from seatrial.wiring.evaluation.rows import read
from seatrial.wiring.workspace import Workspace

_LESS = ("mae", "rmse")
_Z = 1.645
"""One-sided risk of 5 %: a retraining for nothing costs a training, and is then evaluated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What was found of a model in production.

    Args:
        worse: whether it lost; True too where that cannot be told.
        reason: for a person.
        evidence: JSON-able figures.
    """

    worse: bool
    reason: str
    evidence: dict[str, object]


def production_loss(
    workspace: Workspace, log: FactLog, *, endpoint: str, version: int, rows: Path, label: str
) -> Loss:
    """Ask the version for its newest labelled rows, and compare with what it did when packaged.

    Raises: what opening the version and asking it raise, where trying again may help.
    """
    digest = get(log, endpoint, version).digest
    bundle = Bundle.open(workspace.bundles / digest, digest=digest)
    record = bundle.performance()
    if not record:
        return Loss(
            worse=True,
            reason=f"version {version} was packaged without labelled rows: nothing says how well "
            "it did",
            evidence={},
        )
    main = read_reference(record).reference.main
    sample = read(rows)
    rules = replace(workspace.settings.evaluation.rules(), primary=main.name, least_rows=2)
    try:
        answers = asyncio.run(_answers(workspace, bundle, sample, endpoint, label))
        found = alone(_holdout(sample, label), answers, rules)
    except SeatrialError as odd:
        if odd.retryable:
            raise
        return Loss(worse=True, reason=f"it cannot be measured: {odd.problem}", evidence={})
    return judged(main, found.metrics.get(main.name), found.n)


def judged(reference: Metric, value: float | None, n: int) -> Loss:
    """Whether a value over ``n`` rows is worse than the reference by more than chance.

    Args: value: None where it is not defined.
    """
    if value is None or n < 1:
        return Loss(worse=True, reason=f"{reference.name} cannot be measured", evidence={})
    drop = value - reference.value if reference.name in _LESS else reference.value - value
    error = reference.standard_error or 0.0
    error_now = error * math.sqrt(reference.n / n)  # as the reference's, over fewer or more rows
    worse = drop > _Z * math.hypot(error, error_now)
    verb = "lost" if worse else "did not lose"
    return Loss(
        worse=worse,
        reason=f"the model {verb}: {reference.name} {value:.4g} over the newest {n:,} labelled "
        f"rows, {reference.value:.4g} when it was packaged",
        evidence={"metric": reference.name, "value": value, "reference": reference.value, "n": n},
    )


def _holdout(rows: Sample, label: str) -> Holdout:
    return Holdout(
        label=label,
        labels=column_of(rows.columns[label]),
        values=rows.columns[label],
        columns={},
        source="the newest labelled rows",
    )


async def _answers(
    workspace: Workspace, bundle: Bundle, rows: Sample, endpoint: str, label: str
) -> Answers:
    batch, accepted = accepted_rows(bundle.signature, rows, label=label)
    limits = workspace.settings.server.child_limits()
    live = open_version(bundle, endpoint=endpoint, version=1, limits=limits)
    try:
        await live.start()
        asked = Asked(live=live, batch=batch, accepted=accepted)
        return await answers_of(asked, lambda _done, _n: None)
    finally:
        await live.close()
