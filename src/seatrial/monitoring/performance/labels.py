"""Predictions that wait for their labels, and the join by prediction id when labels come.

Labels may be late by any delay, come in any order, twice, corrected, or for predictions nobody
knows. Predictions wait for as long as the watermark allows, in a `performance/pending.py`. What
labels say about a model is `performance/state.py`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.pending import Pending
from seatrial.monitoring.performance.scored import BadLabels, Scored

MAX_EXAMPLES = 5
"""Ids of unknown predictions that a join names."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Joined:
    """What a batch of labels met.

    Args:
        rows: predictions that got a first or another label, with it; each id once.
        before: the label each of them had, float64; NaN where this is the first.
        n_repeated: labels that said what was known.
        n_corrected: labels that replace another one.
        n_unusable: labels that are missing or not finite; they change nothing.
        n_unknown: labels whose id is not kept: never predicted here, or dropped by the watermark.
        unknown: up to MAX_EXAMPLES of those ids.
    """

    rows: Scored
    before: NDArray[np.float64]
    n_repeated: int
    n_corrected: int
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
        n_unusable=int((~np.isfinite(labels)).sum()),
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
        n_added: now waiting, unless the watermark took them; the first prediction of an id stands.
        n_forgotten: predictions dropped, with a label or without.
        watermark_us: predictions before it are gone; None before the first one with a time.
    """

    n_added: int
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
        n_forgotten=n_forgotten + pending.keep_newest(keeping.max_rows),
        watermark_us=watermark_us,
    )
