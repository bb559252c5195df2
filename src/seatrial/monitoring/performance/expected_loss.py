"""The error to expect of a regressor's predictions, from the columns they were made of.

Columns become bins here: numbers at the reference's quantiles, names by the most frequent ones; the
missing have a bin of their own. What the bins are worth is `stats/loss.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.table import Coded, Column, Table
from seatrial.stats.loss import LossModel, fit_loss

N_BINS = 8
"""Bins of a number: a tree of depth three could not tell more apart."""

N_NAMES = 15
"""Names with a bin of their own."""


class BadExpectedLoss(Invalid):
    """A column that the expected error needs is not there or of another kind, or its stored model
    cannot be read."""

    code = "monitoring.bad_expected_loss"


@dataclass(frozen=True, slots=True, eq=False)
class Binning:
    """Bins of one column.

    Args:
        name: of the column.
        edges: of numbers, ascending; None for names.
        names: those with a bin of their own; () for numbers.
    """

    name: str
    edges: NDArray[np.float64] | None
    names: tuple[str, ...] = ()

    @property
    def n_bins(self) -> int:
        """The last bin is for what is missing, and for other names."""
        return len(self.names) + 1 if self.edges is None else len(self.edges) + 2


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedLoss:
    """Which rows are hard for the model: `binnings` and, in their order, what they say."""

    binnings: tuple[Binning, ...]
    model: LossModel

    def of(self, table: Table) -> NDArray[np.float64]:
        """The absolute error to expect of each row, shape (n,).   Raises: BadExpectedLoss."""
        return self.model.expected(_bins(table, self.binnings))


def learn_expected_loss(
    table: Table, columns: Sequence[str], error: NDArray[np.float64]
) -> ExpectedLoss:
    """Learn from labelled rows which ones are hard.

    Args:
        table: the reference.
        columns: what the error may depend on: features, and the prediction. Vectors are left out.
        error: the absolute error of each row, shape (n,); rows where it is not finite are left out.
    Raises: BadExpectedLoss; stats.counts.BadStatistic: too few labelled rows.
    """
    binnings = tuple(
        _binning(name, column)
        for name in columns
        if isinstance(column := _column(table, name), Coded) or column.ndim == 1
    )
    known = np.isfinite(error)
    bins = _bins(table, binnings)[known]
    model = fit_loss(bins, tuple(b.n_bins for b in binnings), error[known])
    return ExpectedLoss(binnings, model)


def _binning(name: str, column: Column) -> Binning:
    if isinstance(column, Coded):
        n = np.bincount(column.codes[column.codes >= 0], minlength=len(column.values))
        frequent = np.argsort(-n, kind="stable")[:N_NAMES]
        return Binning(name, None, tuple(column.values[i] for i in frequent.tolist() if n[i]))
    numbers = column.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return Binning(name, np.zeros(0))
    return Binning(name, np.unique(np.quantile(finite, np.arange(1, N_BINS) / N_BINS)))


def _bins(table: Table, binnings: Sequence[Binning]) -> NDArray[np.int64]:
    bins = np.empty((table.n, len(binnings)), np.int64)
    for place, binning in enumerate(binnings):
        bins[:, place] = _bin(_column(table, binning.name), binning)
    return bins


def _bin(column: Column, binning: Binning) -> NDArray[np.int64]:
    if (binning.edges is None) != isinstance(column, Coded):
        raise BadExpectedLoss(
            f"The column {binning.name!r} holds {'names' if binning.edges is None else 'numbers'} "
            "in the reference, and something else here.",
            remedy="Send the same kind of values as in the reference, or make the profile anew.",
            column=binning.name,
        )
    if isinstance(column, Coded):
        places = {name: place for place, name in enumerate(binning.names)}
        other = len(binning.names)
        by_code = np.array([*(places.get(name, other) for name in column.values), other], np.int64)
        return by_code[column.codes]  # the code of a missing value, -1, is the last place
    assert binning.edges is not None
    numbers = column.astype(np.float64)
    found = np.searchsorted(binning.edges, numbers, side="right").astype(np.int64)
    found[np.isnan(numbers)] = binning.n_bins - 1
    return found


def _column(table: Table, name: str) -> Column:
    if name not in table.columns:
        raise BadExpectedLoss(
            f"The column {name!r} is not among {', '.join(sorted(table.columns))}.",
            remedy="Send all columns the profile was made of, or make it anew.",
            column=name,
        )
    return table.columns[name]


def loss_to_dict(loss: ExpectedLoss) -> dict[str, object]:
    """A JSON-able record that `loss_from_dict` reads back."""
    model = loss.model
    return {
        "binnings": [
            {
                "name": b.name,
                "edges": None if b.edges is None else b.edges.tolist(),
                "names": list(b.names),
            }
            for b in loss.binnings
        ],
        "base": model.base,
        "weights": [w.tolist() for w in model.weights],
        "edges": model.edges.tolist(),
        "means": model.means.tolist(),
        "variances": model.variances.tolist(),
        "n": model.n.tolist(),
    }


def loss_from_dict(record: Mapping[str, Any]) -> ExpectedLoss:
    """The expected error of a record.   Raises: BadExpectedLoss."""
    try:
        binnings = tuple(
            Binning(
                str(b["name"]),
                None if b["edges"] is None else np.array(b["edges"], np.float64),
                tuple(b["names"]),
            )
            for b in record["binnings"]
        )
        model = LossModel(
            base=float(record["base"]),
            weights=tuple(np.array(w, np.float64) for w in record["weights"]),
            edges=np.array(record["edges"], np.float64),
            means=np.array(record["means"], np.float64),
            variances=np.array(record["variances"], np.float64),
            n=np.array(record["n"], np.int64),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise BadExpectedLoss(
            f"The stored model of the expected error cannot be read: {problem!r}.",
            remedy="Read it with the version of seatrial that wrote it, or make the profile anew.",
        ) from problem
    return ExpectedLoss(binnings, model)
