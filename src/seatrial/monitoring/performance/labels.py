"""Predictions that wait for their labels, and the join by prediction id when labels come.

Labels may be late by any delay, come in any order, twice, corrected, or for predictions nobody
knows. What is kept per prediction is a few numbers, for as long as the watermark allows; where they
are kept is behind a port with one implementation here and one on a file in
`adapters/labels/sqlite_labels.py`. What labels say about a model is `performance/state.py`'s
business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields, replace
from heapq import heappop, heappush
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid

MAX_EXAMPLES = 5
"""Ids of unknown predictions that a join names."""


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


class Pending(Protocol):
    """Where predictions wait. Ids are unique; `seatrial.testing.PendingSuite` defines the rest."""

    def add(self, rows: Scored) -> int:
        """Keep predictions; an id that is kept already stays as it is.

        Returns: how many were new.
        """
        ...

    def find(self, ids: Sequence[str]) -> Scored:
        """Those of some ids that are kept, each once, in no particular order."""
        ...

    def set_labels(self, ids: Sequence[str], labels: NDArray[np.float64]) -> None:
        """Note the labels of kept ids, in place of earlier ones."""
        ...

    def since(self, step: int) -> Scored:
        """All predictions of a step and those after it, in no particular order."""
        ...

    def forget_before(self, at_us: int) -> int:
        """Drop predictions older than a moment.   Returns: how many."""
        ...

    def keep_newest(self, n: int) -> int:
        """Drop all but the newest ``n`` by time.   Returns: how many."""
        ...


class Ledger(Pending, Protocol):
    """Predictions that wait, with notes about them, changed together or not at all.

    `seatrial.testing.PendingSuite` defines it too.
    """

    def at_once(self) -> AbstractContextManager[None]:
        """What is changed within is kept when the block ends, and undone when it raises."""
        ...

    def note(self, name: str) -> str | None:
        """A text that was kept; None when there is none of this name."""
        ...

    def set_note(self, name: str, text: str) -> None:
        """Keep a text, in place of the one before."""
        ...

    def mark_audited(self, ids: Sequence[str]) -> None:
        """Note that kept predictions were chosen for labelling by chance alone."""
        ...

    def set_segments(self, ids: Sequence[str], codes: NDArray[np.int64]) -> None:
        """Note which segments kept predictions are in, as `summaries.segments.Splits` codes them.

        They are dropped with the predictions.
        """
        ...

    def segments(self, ids: Sequence[str]) -> dict[str, int]:
        """The codes of kept predictions, by id; those without one are left out."""
        ...


class MemoryPending:
    """`Ledger` in this process: some 300 bytes a prediction, lost when it ends."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, int, float, float, bool, float]] = {}
        self._notes: dict[str, str] = {}
        self._segments: dict[str, int] = {}
        self._by_age: list[tuple[int, str]] = []  # a heap, so that each batch drops only its own

    def add(self, rows: Scored) -> int:
        """See Pending."""
        before = len(self._rows)
        for key, row in zip(rows.ids, rows_as_tuples(rows), strict=True):
            if key not in self._rows:
                self._rows[key] = row
                heappush(self._by_age, (row[0], key))
        return len(self._rows) - before

    def find(self, ids: Sequence[str]) -> Scored:
        """See Pending."""
        kept = [key for key in dict.fromkeys(ids) if key in self._rows]
        return scored_from_tuples(kept, [self._rows[key] for key in kept])

    def set_labels(self, ids: Sequence[str], labels: NDArray[np.float64]) -> None:
        """See Pending."""
        for key, label in zip(ids, labels.tolist(), strict=True):
            self._rows[key] = (*self._rows[key][:5], label)

    def since(self, step: int) -> Scored:
        """See Pending."""
        kept = [key for key, row in self._rows.items() if row[1] >= step]
        return scored_from_tuples(kept, [self._rows[key] for key in kept])

    def forget_before(self, at_us: int) -> int:
        """See Pending."""
        before = len(self._rows)
        while self._by_age and self._by_age[0][0] < at_us:
            self._drop_oldest()
        return before - len(self._rows)

    def keep_newest(self, n: int) -> int:
        """See Pending."""
        surplus = max(0, len(self._rows) - n)
        for _ in range(surplus):
            self._drop_oldest()
        return surplus

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """See Ledger."""
        before = dict(self._rows), list(self._by_age), dict(self._notes), dict(self._segments)
        try:
            yield
        except BaseException:
            self._rows, self._by_age, self._notes, self._segments = before
            raise

    def note(self, name: str) -> str | None:
        """See Ledger."""
        return self._notes.get(name)

    def set_note(self, name: str, text: str) -> None:
        """See Ledger."""
        self._notes[name] = text

    def mark_audited(self, ids: Sequence[str]) -> None:
        """See Ledger."""
        for key in ids:
            if key in self._rows:
                row = self._rows[key]
                self._rows[key] = (*row[:4], True, row[5])

    def set_segments(self, ids: Sequence[str], codes: NDArray[np.int64]) -> None:
        """See Ledger."""
        known = zip(ids, codes.tolist(), strict=True)
        self._segments.update((key, code) for key, code in known if key in self._rows)

    def segments(self, ids: Sequence[str]) -> dict[str, int]:
        """See Ledger."""
        return {key: self._segments[key] for key in ids if key in self._segments}

    def _drop_oldest(self) -> None:
        key = heappop(self._by_age)[1]
        del self._rows[key]
        self._segments.pop(key, None)


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Joined:
    """What a batch of labels met.

    Args:
        rows: predictions that got a first or another label, with it; each id once.
        before: the label each of them had, float64; NaN where this is the first.
        n_repeated: labels that said what was known.
        n_corrected: labels that replace another one.
        n_superseded: labels of the batch that a later one of the same id replaced.
        n_unusable: labels that are missing or not finite; they change nothing.
        n_unknown: labels whose id is not kept: never predicted here, or dropped by the watermark.
        unknown: up to MAX_EXAMPLES of those ids.
    """

    rows: Scored
    before: NDArray[np.float64]
    n_repeated: int
    n_corrected: int
    n_superseded: int
    n_unusable: int
    n_unknown: int
    unknown: tuple[str, ...]


def join(pending: Pending, ids: Sequence[str], labels: NDArray[np.float64]) -> Joined:
    """Bring labels to their predictions, and note them there. The last label of an id wins.

    Args: ids and labels in the order of arrival; a label of NaN says nothing.
    Raises: BadLabels: there are more of one than of the other.
    """
    if len(ids) != len(labels):
        raise BadLabels(
            f"There are {len(ids)} prediction ids for {len(labels)} labels.",
            remedy="Give every label the id of its prediction.",
            field="ids",
        )
    usable = np.isfinite(labels)
    said = {key: float(label) for key, label in zip(ids, labels, strict=True) if np.isfinite(label)}
    found = pending.find(list(said))
    known = set(found.ids)
    unknown = [key for key in said if key not in known]
    label = np.array([said[key] for key in found.ids], np.float64)
    news = np.flatnonzero(label != found.label)  # NaN, no label yet, differs from everything
    rows, label = found.some(news), label[news]
    before = rows.label
    pending.set_labels(rows.ids, label)
    return Joined(
        rows=replace(rows, label=label),
        before=before,
        n_repeated=len(found) - len(news),
        n_corrected=int(np.isfinite(before).sum()),
        n_superseded=int(usable.sum()) - len(said),
        n_unusable=int((~usable).sum()),
        n_unknown=len(unknown),
        unknown=tuple(unknown[:MAX_EXAMPLES]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How long and how many predictions wait.

    Args:
        keep_s: a prediction is dropped when one that is so many seconds younger has come, > 0.
        max_rows: and the oldest when there are more than so many, >= 1.
    """

    keep_s: float = 30 * 86_400.0
    max_rows: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of a batch of predictions.

    Args:
        n_added: now waiting, unless the watermark took them.
        n_duplicate: ids that were known already; the first prediction of an id stands.
        n_forgotten: predictions dropped, with a label or without.
        watermark_us: predictions before it are gone; None before the first one with a time.
    """

    n_added: int
    n_duplicate: int
    n_forgotten: int
    watermark_us: int | None


def keep(
    pending: Pending,
    rows: Scored,
    keeping: Keeping,
    *,
    watermark_us: int | None = None,
    latest_us: int | None = None,
) -> Kept:
    """Let predictions wait for their labels, and drop those that waited too long.

    The watermark follows the youngest prediction, not the clock, so a backfill and a live server
    drop the same rows. It goes back only where a clock was wrong: a prediction that says it is
    later than any can be counts as of ``latest_us``.

    Args:
        watermark_us: of the batch before.
        latest_us: no prediction can be later; None believes any time.
    """
    n_added = pending.add(rows)
    keep_us = round(keeping.keep_s * 1e6)
    if len(rows):
        reached = int(rows.at_us.max()) - keep_us
        watermark_us = reached if watermark_us is None else max(reached, watermark_us)
    if watermark_us is not None and latest_us is not None:
        watermark_us = min(watermark_us, latest_us - keep_us)
    n_forgotten = 0 if watermark_us is None else pending.forget_before(watermark_us)
    return Kept(
        n_added=n_added,
        n_duplicate=len(rows) - n_added,
        n_forgotten=n_forgotten + pending.keep_newest(keeping.max_rows),
        watermark_us=watermark_us,
    )
