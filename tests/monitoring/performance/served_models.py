"""A served classifier whose calibration is known: what was logged of it, and what came true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.labels import Keeping
from seatrial.monitoring.performance.served_reference import (
    Origin,
    ServedReference,
    learn_reference,
)
from seatrial.monitoring.performance.untold import Told
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.monitoring.performance.version import VersionPerformance
from seatrial.monitoring.rows.table import Table
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.testing.memory_inbox import MemoryInbox
from seatrial.testing.memory_pending import MemoryPending

SIGNATURE = Signature(
    features=(Feature(name="x", dtype=Dtype.FLOAT64),),
    outputs=(
        Output(name="label", dtype=Dtype.STRING),
        Output(name="probabilities", dtype=Dtype.FLOAT64, width=2, classes=("no", "yes")),
    ),
    task=Task.CLASSIFICATION,
    matrix=True,
)
WINDOW_ROWS = 600
BEGAN_US = 1_750_000_000_000_000


@dataclass(frozen=True)
class Rows:
    """See `version_performance.Logged`, with the labels that will come."""

    rows: Table
    ids: tuple[str | None, ...]
    place: tuple[str, str]
    labels: NDArray[np.object_]

    def pairs(self, part: slice = slice(None)) -> tuple[list[str], list[str]]:
        return [i for i in self.ids[part] if i], self.labels[part].tolist()


def drawn(seed: int, n: int, *, first: int = 0, spread: float = 2.0, right: bool = True) -> Rows:
    """Logged predictions.

    Args:
        first: number of the first one, which ids and times come from.
        spread: of the log-odds: with less of it the model is right less often, and knows it.
        right: whether the probabilities are; else what comes true is a coin's doing.
    """
    rng = np.random.default_rng(seed)
    second = 1 / (1 + np.exp(-spread * rng.normal(size=n)))
    true = rng.random(n) < (second if right else 0.5)
    number = np.arange(first, first + n)
    names = np.array(["no", "yes"], dtype=object)
    return Rows(
        rows=logged_table(second, (BEGAN_US + number * 1_000_000).astype("datetime64[us]")),
        ids=tuple(f"r{i}" for i in number),
        place=("2025-06-15", f"after {first + n}"),
        labels=names[true.astype(int)],
    )


def logged_table(second: NDArray[np.float64], at: NDArray[np.datetime64]) -> Table:
    from seatrial.monitoring.rows.table import Coded

    probabilities = np.column_stack([1 - second, second])
    codes = (second > 0.5).astype(np.int32)
    columns = {
        "outputs.label": Coded(codes, ("no", "yes")),
        "outputs.probabilities": probabilities,
    }
    return Table(columns=columns, n=len(second), at=at)


def reference(*, origin: Origin = Origin.HOLDOUT) -> ServedReference:
    rng = np.random.default_rng(0)
    second = 1 / (1 + np.exp(-2.0 * rng.normal(size=8_000)))
    names = np.array(["no", "yes"], dtype=object)
    answers = {
        "label": names[(second > 0.5).astype(int)],
        "probabilities": np.column_stack([1 - second, second]),
    }
    labels = names[(rng.random(len(second)) < second).astype(int)]
    from seatrial.monitoring.rows.served import column_of

    rows = second.reshape(-1, 1)
    return learn_reference(SIGNATURE, rows, answers, column_of(labels), origin=origin)


REFERENCE = reference()


def watched(
    ledger: MemoryPending, *, version: int = 1, keeping: Keeping | None = None
) -> VersionPerformance:
    return VersionPerformance(
        ledger,
        REFERENCE,
        endpoint="churn",
        version=version,
        rules=PerformanceRules(),
        keeping=keeping or Keeping(),
        window_rows=WINDOW_ROWS,
    )


@dataclass
class Opened:
    """See `endpoint_performance.OpenPerformance`: ledgers in memory that outlive a monitor."""

    ledgers: dict[int, MemoryPending] = field(default_factory=dict)
    box: MemoryInbox = field(default_factory=MemoryInbox)
    log: list[Rows] = field(default_factory=list)

    def versions(self, endpoint: str) -> list[int]:
        return list(self.ledgers)

    def version(self, endpoint: str, version: int):  # type: ignore[no-untyped-def]
        from seatrial.monitoring.performance.endpoint import Followed

        ledger = self.ledgers.setdefault(version, MemoryPending())
        return Followed(watched(ledger, version=version), self)

    def new(self, version: VersionPerformance):  # type: ignore[no-untyped-def]
        names = [rows.place[1] for rows in self.log]
        place = version.place("2025-06-15")
        yield from self.log[names.index(place) + 1 if place in names else 0 :]

    def inbox(self, endpoint: str) -> MemoryInbox:
        return self.box

    def close(self, endpoint: str) -> None:
        pass


def untold(version: VersionPerformance) -> Told:
    """What a version has to tell."""
    told: list[Told] = []
    version.tell(told.append)
    return sum(told, Told())


def take(version: VersionPerformance, rows: Rows) -> Told:
    """What rows tell."""
    untold(version)
    version.take(rows)
    return untold(version)


def label(version: VersionPerformance, ids: Sequence[str], texts: Sequence[str]) -> Told:
    """What labels tell."""
    untold(version)
    version.label(ids, texts)
    return untold(version)
