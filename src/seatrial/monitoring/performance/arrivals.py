"""Which rows of the prediction log a version did not take in before, and what of it they tell.

A prediction counts once, however often its row is read; a row that was taken in before may bear a
label by now, as where a log is written anew with what came true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.reference import PerformanceReference
from seatrial.monitoring.performance.rows import part_id, row_places, served_rows
from seatrial.monitoring.performance.scored import Scored
from seatrial.monitoring.performance.served_reference import named
from seatrial.monitoring.rows.table import Table


class Logged(Protocol):
    """Rows of the prediction log that were not read before."""

    @property
    def rows(self) -> Table:
        """Answers under the names of `rows/served.py`, and what the expected error needs; and what
        came true, where that is known already."""

    @property
    def ids(self) -> Sequence[str | None]:
        """The prediction id of each row; None where there is none, which cannot be labelled."""

    @property
    def place(self) -> tuple[str, str]:
        """A part of the log, and how far it was read."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Arrivals:
    """Logged predictions.

    Args:
        new: those that were not taken in before, each id once, all at step 0.
        places: the row of the log that each of them is of, shape (n,).
        again: those that were, and that bear a label.
    """

    new: Scored
    places: NDArray[np.intp]
    again: Scored


def arrivals(ledger: Ledger, logged: Logged, reference: PerformanceReference) -> Arrivals:
    """Tell rows that are new from those that a ledger knows; rows without an id are neither.

    Raises: BadScores, BadExpectedLoss: rows that cannot be judged.
    """
    table = named(logged.rows, logged.rows.columns)
    rows = served_rows(table, reference, step=np.zeros(table.n, np.int64))
    places = row_places(rows)
    ids = [_id_of(key, logged.ids) for key in rows.ids]
    known = set(ledger.find([key for key in ids if key is not None]).ids)
    first: dict[str, int] = {}
    again: dict[str, int] = {}
    for at, key in enumerate(ids):
        if key is None:
            continue
        if key not in known:
            first.setdefault(key, at)
        elif np.isfinite(rows.label[at]):
            again[key] = at
    new = np.array(list(first.values()), np.intp)
    return Arrivals(
        new=replace(rows.some(new), ids=tuple(first)),
        places=places[new],
        again=replace(rows.some(np.array(list(again.values()), np.intp)), ids=tuple(again)),
    )


def _id_of(key: str, ids: Sequence[str | None]) -> str | None:
    """The id of a row, from its place and which of several numbers of an answer it is."""
    row, _, part = key.partition("#")
    found = ids[int(row)]
    return None if found is None else part_id(found, int(part or 0))
