"""Labelled rows gathered from chunks: the newest within bounds, in order of time. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.table import Coded, Column
from seatrial.registry.signature import Dtype, Signature
from seatrial.training.retraining.checks import Values

Times = NDArray[np.datetime64]

_FLOATS = frozenset({Dtype.FLOAT32, Dtype.FLOAT64})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelledRows:
    """Rows with what came true.

    Args:
        columns: by name, n rows each.
        labels: shape (n,).
        at: when each was predicted, datetime64[us] in UTC; None where nobody knows.
    """

    columns: Mapping[str, Values]
    labels: Values
    at: Times | None

    def __len__(self) -> int:
        return len(self.labels)

    def some(self, rows: NDArray[np.intp] | slice) -> LabelledRows:
        """Some of the rows."""
        return LabelledRows(
            columns={name: column[rows] for name, column in self.columns.items()},
            labels=self.labels[rows],
            at=None if self.at is None else self.at[rows],
        )


def values_of(column: Column) -> Values:
    """A column of a table as values: texts with None, numbers as they are."""
    if isinstance(column, Coded):
        texts = np.array([*column.values, None], object)
        return np.asarray(texts[column.codes], object)
    return np.asarray(column)


def has_value(values: Values) -> NDArray[np.bool_]:
    """Which values are there, shape (n,)."""
    if values.dtype == object:
        return np.array([value is not None and value != "" for value in values], np.bool_)
    if values.dtype.kind == "f":
        return np.asarray(~np.isnan(values.astype(np.float64)), np.bool_)
    return np.ones(len(values), np.bool_)


class Gathering:
    """Takes rows in pieces, and holds at most twice as many as are wanted.

    Args:
        names: of the features that are wanted; a piece that lacks one has it missing.
        max_rows: the newest so many are kept.
        since, until: rows of other times are left out, both ends included; those without a time
            too, where one of the two is given. None for no bound.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        max_rows: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        self._names = tuple(names)
        self._max_rows = max_rows
        self._since, self._until = _time(since), _time(until)
        self._pieces: list[LabelledRows] = []
        self._n = 0
        self.n_unlabelled = 0
        """Rows that have no label yet."""

    def add(self, columns: Mapping[str, Values], labels: Values, at: Times | None) -> None:
        """Take in the rows of a piece that have a label and are of the times."""
        labelled = has_value(labels)
        self.n_unlabelled += int(np.sum(~labelled))
        rows = np.flatnonzero(labelled & self._within(at, len(labels)))
        if not len(rows):
            return
        missing = np.full(len(labels), np.nan)
        piece = {name: columns.get(name, missing) for name in self._names}
        self._pieces.append(LabelledRows(columns=piece, labels=labels, at=at).some(rows))
        self._n += len(rows)
        if self._n > 2 * self._max_rows:
            whole = self._newest()
            self._pieces, self._n = [whole], len(whole)

    def rows(self) -> LabelledRows:
        """The newest rows, the oldest first."""
        return self._newest()

    def _within(self, at: Times | None, n: int) -> NDArray[np.bool_]:
        if self._since is None and self._until is None:
            return np.ones(n, np.bool_)
        if at is None:
            return np.zeros(n, np.bool_)
        inside = ~np.isnat(at)
        if self._since is not None:
            inside &= at >= self._since
        if self._until is not None:
            inside &= at <= self._until
        return np.asarray(inside, np.bool_)

    def _newest(self) -> LabelledRows:
        pieces = self._pieces
        timed = bool(pieces) and all(piece.at is not None for piece in pieces)
        whole = LabelledRows(
            columns={name: _joined([p.columns[name] for p in pieces]) for name in self._names},
            labels=_joined([piece.labels for piece in pieces]),
            at=np.concatenate([p.at for p in pieces if p.at is not None]) if timed else None,
        )
        if whole.at is not None:
            whole = whole.some(np.argsort(whole.at, kind="stable"))  # those without a time last
        return whole.some(slice(max(0, len(whole) - self._max_rows), None))


def _joined(parts: Sequence[Values]) -> Values:
    """One column of several; texts where some are texts."""
    if not parts:
        return np.zeros(0)
    known = [part for part in parts if has_value(part).any()] or list(parts[:1])
    if any(part.dtype == object for part in known):
        return np.concatenate([_texts(part) for part in parts])
    return np.concatenate(parts)


def _texts(part: Values) -> Values:
    if part.dtype == object:
        return part
    there = has_value(part)
    return np.array(
        [f"{v:g}" if ok else None for v, ok in zip(part.tolist(), there, strict=True)], object
    )


def as_taken(rows: LabelledRows, signature: Signature | None) -> LabelledRows:
    """Whole numbers as floats where the model in production takes floats.

    A column of a file is one of whole numbers or of floats as none or some of it is missing, and
    the next model would take another type for no other reason.
    """
    floats = {f.name for f in signature.features if f.dtype in _FLOATS} if signature else set()
    columns = {
        name: column.astype(np.float64) if name in floats and column.dtype.kind in "iu" else column
        for name, column in rows.columns.items()
    }
    return replace(rows, columns=columns)


def cut_of(rows: LabelledRows, *, share: float | None, span_s: float | None) -> int:
    """The place of the oldest row that is kept back.

    Args: share of the rows, in (0, 1); or the newest so many seconds, where rows have times.
    Rows of one time stay together: none of the time of the cut is trained on.
    """
    n = len(rows)
    if span_s is not None and rows.at is not None and n:
        edge = rows.at[-1] - np.timedelta64(round(span_s * 1e6), "us")
        return int(np.searchsorted(rows.at, edge, side="right"))
    place = n - round(n * (0.2 if share is None else share))
    if rows.at is None or not 0 < place < n:
        return place
    return int(np.searchsorted(rows.at, rows.at[place], side="left"))


def rows_since(rows: LabelledRows, since: datetime) -> LabelledRows:
    """The rows of that time and later; none where rows have no times."""
    if rows.at is None:
        return rows.some(slice(0, 0))
    return rows.some(np.flatnonzero(rows.at >= _moment(since)))


def shown_time(at: Times | None, place: int) -> str | None:
    """The time of a row as text; None where it is not known."""
    if at is None or not -len(at) <= place < len(at) or np.isnat(at[place]):
        return None
    return datetime.fromtimestamp(
        at[place].astype("datetime64[us]").astype(int) / 1e6, UTC
    ).isoformat()


def _time(at: datetime | None) -> np.datetime64 | None:
    return None if at is None else _moment(at)


def _moment(at: datetime) -> np.datetime64:
    return np.datetime64(round(at.timestamp() * 1e6), "us")
