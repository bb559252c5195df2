"""Predictions, reduced to what judging them needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid


class BadLabels(Invalid):
    """Predictions or labels that cannot be joined; the fact ``field`` names what is wrong."""

    code = "monitoring.bad_labels"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scored:
    """Predictions, reduced to what judging them needs.

    Args:
        ids: prediction ids, n of them, not empty.
        at_us: when each was predicted, int64 microseconds since 1970 in UTC.
        step: the step of the watch each belongs to, int64.
        predicted: index of the predicted class, or the predicted number, float64.
        score: the probability given to the predicted class, or the absolute error the reference
            lets one expect, float64; NaN where it is not usable.
        audited: chosen for labelling by chance alone (`performance/audit.py`), bool.
        label: index of the true class, or the true number, float64; NaN where not known yet.

    Raises: BadLabels: the parts differ in length.
    """

    ids: tuple[str, ...]
    at_us: NDArray[np.int64]
    step: NDArray[np.int64]
    predicted: NDArray[np.float64]
    score: NDArray[np.float64]
    audited: NDArray[np.bool_]
    label: NDArray[np.float64]

    def __post_init__(self) -> None:
        for field in fields(self):
            if len(getattr(self, field.name)) != len(self.ids):
                raise BadLabels(
                    f"There are {len(getattr(self, field.name))} values of {field.name} for "
                    f"{len(self.ids)} predictions.",
                    remedy="Give every prediction a value.",
                    field=field.name,
                )

    def __len__(self) -> int:
        return len(self.ids)

    def some(self, rows: NDArray[np.intp]) -> Scored:
        """The predictions at some places, in that order."""
        return Scored(
            ids=tuple(self.ids[row] for row in rows.tolist()),
            at_us=self.at_us[rows],
            step=self.step[rows],
            predicted=self.predicted[rows],
            score=self.score[rows],
            audited=self.audited[rows],
            label=self.label[rows],
        )

    def at_steps(self, step: NDArray[np.int64]) -> Scored:
        """The same predictions, each at the step given for it, shape (n,)."""
        return replace(self, step=step)


def together(parts: Sequence[Scored]) -> Scored:
    """Several batches as one, in order; none give an empty one."""
    return Scored(
        ids=tuple(i for part in parts for i in part.ids),
        at_us=np.concatenate([np.zeros(0, np.int64), *(p.at_us for p in parts)]),
        step=np.concatenate([np.zeros(0, np.int64), *(p.step for p in parts)]),
        predicted=np.concatenate([np.zeros(0), *(p.predicted for p in parts)]),
        score=np.concatenate([np.zeros(0), *(p.score for p in parts)]),
        audited=np.concatenate([np.zeros(0, np.bool_), *(p.audited for p in parts)]),
        label=np.concatenate([np.zeros(0), *(p.label for p in parts)]),
    )


def rows_as_tuples(rows: Scored) -> list[tuple[int, int, float, float, bool, float]]:
    """Time, step, prediction, score, audited and label of each prediction, as plain numbers."""
    return list(
        zip(
            rows.at_us.tolist(),
            rows.step.tolist(),
            rows.predicted.tolist(),
            rows.score.tolist(),
            rows.audited.tolist(),
            rows.label.tolist(),
            strict=True,
        )
    )


def scored_from_tuples(
    ids: Sequence[str], rows: Sequence[tuple[int, int, float, float, bool, float]]
) -> Scored:
    """What `rows_as_tuples` took apart."""
    columns = list(zip(*rows, strict=True)) or [()] * 6
    return Scored(
        ids=tuple(ids),
        at_us=np.array(columns[0], np.int64),
        step=np.array(columns[1], np.int64),
        predicted=np.array(columns[2], np.float64),
        score=np.array(columns[3], np.float64),
        audited=np.array(columns[4], np.bool_),
        label=np.array(columns[5], np.float64),
    )
