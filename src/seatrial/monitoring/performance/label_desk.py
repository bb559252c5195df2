"""Where labels are handed in, counted, and planned: what the API and the commands call.

Labels go to the inbox of their endpoint and are taken in by the monitor; what is said of them here
is what the ledgers know at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from statistics import NormalDist
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Conflict, LimitExceeded
from seatrial.kernel.store import Store
from seatrial.monitoring.performance.audit import (
    Audit,
    BadAudit,
    bought,
    chosen_of_window,
    labels_for_interval,
)
from seatrial.monitoring.performance.inbox import Entry, Inbox, Purpose
from seatrial.monitoring.performance.labels import MAX_EXAMPLES
from seatrial.monitoring.performance.ledger_notes import CLASSES, WIDTH, kept_of, meanings
from seatrial.monitoring.performance.pending import Ledger
from seatrial.monitoring.performance.scored import BadLabels, Scored
from seatrial.monitoring.performance.state import steps_of_window
from seatrial.monitoring.performance.verdict import PerformanceRules
from seatrial.monitoring.performance.view import performance_records
from seatrial.monitoring.rows.label_values import label_values, label_vectors
from seatrial.release.projection import Endpoints
from seatrial.stats.fusion import expected_over
from seatrial.stats.performance import UNKNOWN_CLASS

MAX_LABELS = 200_000
"""Labels handed in at once."""

_MAX_ID = 300
_WITHIN_WINDOWS = 3
LABELS = 50
"""Labels of an audit where nobody says how many."""

_SHARE = 0.9
"""Of the intervals that a plan promises."""

_LEAST_VARIANCE = 1e-4
"""Of a row: scores that are sure of every row are not believed to that."""

_TRIALS = 100

Record = dict[str, Any]


class TooManyLabels(LimitExceeded):
    """More labels at once than are taken."""

    code = "monitoring.too_many_labels"


class NothingLogged(Conflict):
    """No prediction of the version waits for a label."""

    code = "monitoring.nothing_logged"


class Kept(Protocol):
    """Opens what is kept of an endpoint, for a while; others may write meanwhile."""

    def versions(self, endpoint: str) -> Collection[int]:
        """Those of which there is a ledger."""
        ...

    def reading(self, endpoint: str, version: int) -> AbstractContextManager[Ledger]:
        """The ledger of one of them."""
        ...

    def writing(self, endpoint: str) -> AbstractContextManager[Inbox]:
        """Where labels arrive."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Predictions to be labelled.

    Args:
        version: whose they are.
        window: index of the window they are of; it is complete, if any is.
        n: predictions of that window.
        rows: those to label, chosen by hash, the first by time first; without those labelled.
        n_labelled: chosen ones that have a label already.
        offer: what they buy, as a JSON-able record.
    """

    version: int
    window: int
    n: int
    rows: Scored
    n_labelled: int
    offer: Record


class LabelDesk:
    """Takes labels for the endpoints of a store. All calls block; thread-safe.

    Args:
        store: where endpoints are, and what the monitor says of them; stays the caller's to close.
        kept: ledgers and inboxes.
        now: wall time, aware UTC.
        logs: names of logs of other servers whose labels are kept; the other endpoints are those
            of the store.
    """

    def __init__(
        self,
        store: Store,
        kept: Kept,
        *,
        now: Callable[[], datetime],
        logs: Collection[str] = (),
    ) -> None:
        self._store = store
        self._kept = kept
        self._now = now
        self._logs = frozenset(logs)

    def add(self, endpoint: str, labels: Sequence[tuple[str, str]]) -> Record:
        """Hand in labels; later ones of an id replace earlier ones.

        Args: labels: pairs of prediction id and label, as `label_values.label_text` gives it.
        Returns: how many are of known predictions and of unknown ones, how many are empty, and
            how many are unexpected: a class that the model does not have, so that its prediction
            counts as wrong, or for a regressor no number, which changes nothing.
        Raises: UnknownEndpoint, BadLabels, TooManyLabels, InboxFull, StoreUnavailable.
        """
        self._check(endpoint)
        if len(labels) > MAX_LABELS:
            raise TooManyLabels(
                f"{len(labels):,} labels were handed in at once; {MAX_LABELS:,} are the most.",
                remedy="Hand them in in several parts.",
            )
        for row, (key, _) in enumerate(labels):
            if not key or len(key) > _MAX_ID:
                raise BadLabels(
                    f"The label {row} has the prediction id {key[:40]!r}.",
                    remedy="Give the reply's x-request-id, with /row for rows of a batch.",
                    field="id",
                    row=row,
                )
        usable = [Entry(id=key, value=text) for key, text in labels if text]
        with self._kept.writing(endpoint) as inbox:
            inbox.put(usable, at_us=self._us())
        known, other = self._known(endpoint, usable)
        unknown = list(dict.fromkeys(e.id for e in usable if e.id not in known))
        return {
            "endpoint": endpoint,
            "n": len(labels),
            "n_known": len(usable) - sum(1 for e in usable if e.id not in known),
            "n_unknown": len(unknown),
            "unknown": unknown[:MAX_EXAMPLES],
            "n_empty": len(labels) - len(usable),
            "n_unexpected": len(other),
            "unexpected": other[:MAX_EXAMPLES],
        }

    def status(self, endpoint: str) -> Record:
        """How labels of an endpoint stand: waiting, taken in, and what they say, by version.

        ``n_unknown`` are those that were dropped: no prediction came to be known for them in time.

        Raises: UnknownEndpoint, StoreUnavailable.
        """
        self._check(endpoint)
        with self._kept.writing(endpoint) as inbox:
            n_waiting, n_unknown = inbox.n(), inbox.n_dropped()
        return {
            "endpoint": endpoint,
            "n_waiting": n_waiting,
            "n_unknown": n_unknown,
            "versions": performance_records(self._store, endpoint),
        }

    def plan(
        self,
        endpoint: str,
        n: int = LABELS,
        *,
        within: float | None = None,
        version: int | None = None,
        rules: PerformanceRules | None = None,
    ) -> Planned:
        """Choose predictions of the newest complete window to label, by hash: few, and unbiased.

        Their labels count as audited, also those that are there already. The same window and
        number give the same predictions; a larger number leaves none of them out.

        Args:
            n: >= 1; all there are, when those are fewer.
            within: in place of a number, half the width that an interval of 90 % for their mean
                performance is to have, > 0, in the metric's unit: 0.02 for 2 points of accuracy.
            version: None for the newest one that has logged predictions.
        Raises: UnknownEndpoint, BadAudit, NothingLogged, InboxFull, StoreUnavailable.
        """
        self._check(endpoint)
        if n < 1:
            raise BadAudit(
                f"{n} predictions cannot be chosen.", remedy="Choose at least 1.", field="n"
            )
        for number in self._candidates(endpoint, version):
            with self._kept.reading(endpoint, number) as ledger:
                window, rows, variance = _newest_window(ledger)
            if len(rows):
                break
        else:
            raise NothingLogged(
                f"No logged prediction of {endpoint!r} waits for a label.",
                remedy="Send requests, see that server.log_sample_rate is over 0, and wait a "
                "minute; deploy with labelled rows, or nothing is watched.",
            )
        if within is not None:
            wanted = max(variance, _LEAST_VARIANCE)
            n = labels_for_interval(half_width=within, share=_SHARE, row_variance=wanted)
        picked = rows.some(np.flatnonzero(chosen_of_window(rows.ids, n)))
        with self._kept.writing(endpoint) as inbox:
            audits = [Entry(id=key, purpose=Purpose.AUDIT) for key in picked.ids]
            inbox.put(audits, at_us=self._us())
        open_ones = np.flatnonzero(np.isnan(picked.label))
        order = open_ones[np.argsort(picked.at_us[open_ones], kind="stable")]
        record = performance_records(self._store, endpoint).get(str(number))
        return Planned(
            version=number,
            window=window,
            n=len(rows),
            rows=picked.some(order),
            n_labelled=len(picked) - len(open_ones),
            offer=_offer(record, len(picked), len(rows), variance, rules or PerformanceRules()),
        )

    def _candidates(self, endpoint: str, version: int | None) -> Iterator[int]:
        there = self._kept.versions(endpoint)
        wanted = there if version is None else [v for v in there if v == version]
        return iter(sorted(wanted, reverse=True))

    def _known(self, endpoint: str, entries: Sequence[Entry]) -> tuple[set[str], list[str]]:
        """The ids that mean kept predictions, and labels that are none of the model's classes."""
        known: set[str] = set()
        other: list[str] = []
        for version in self._kept.versions(endpoint):
            with self._kept.reading(endpoint, version) as ledger:
                meant = meanings(ledger, [entry.id for entry in entries])
                mine = [entry.value for entry in entries if entry.id in meant]
                classes = msgspec.json.decode(ledger.note(CLASSES) or "null")
                width = msgspec.json.decode(ledger.note(WIDTH) or "1", type=int)
            if classes is not None:
                bad = label_values(mine, classes) == UNKNOWN_CLASS
            else:
                bad = np.isnan(_numbers(mine, width)).any(axis=1)
            other += [mine[place] for place in np.flatnonzero(bad).tolist()]
            known |= set(meant)
        return known, other

    def _check(self, endpoint: str) -> None:
        if endpoint in self._logs:
            return
        endpoints = Endpoints(self._store)
        endpoints.refresh()
        endpoints.get(endpoint)

    def _us(self) -> int:
        return round(self._now().timestamp() * 1e6)


def _numbers(texts: Sequence[str], width: int) -> NDArray[np.float64]:
    """Shape (n, width)."""
    return label_values(texts, None)[:, None] if width == 1 else label_vectors(texts, width)


def _newest_window(ledger: Ledger) -> tuple[int, Scored, float]:
    """The newest complete window, or the first: its predictions, and the variance of a row."""
    kept = kept_of(ledger)
    if kept is None:
        return 0, ledger.find([]), 0.25
    state, progress = kept
    per_window = steps_of_window(progress.window_rows)
    window = max(0, progress.n_seen // progress.window_rows - 1)
    rows = ledger.since(window * per_window)
    rows = rows.some(np.flatnonzero(rows.step < (window + 1) * per_window))
    steps = [s for s in state.fusion.steps if s.index // per_window == window]
    expected = expected_over(steps)
    return window, rows, 0.25 if expected is None else expected.row_variance


def _offer(
    record: Record | None, n: int, window_rows: int, variance: float, rules: PerformanceRules
) -> Record:
    """What so many labels buy: the width of an interval, and the chance to see a drop."""
    z = NormalDist().inv_cdf((1 + _SHARE) / 2)
    half = z * float(np.sqrt(variance / n))
    offer: Record = {"n": n, "half_width": half, "seen_within": None, "reason": None}
    if record is None or record["metric"] != "accuracy":
        return offer
    reference = record["reference"]
    accuracy = float(reference["value"])
    if not rules.critical_drop < accuracy < 1:
        return offer
    found = bought(
        Audit(
            labels_per_window=n,
            accuracy=accuracy,
            n_reference=int(reference["n"]),
            row_variance=variance,
            window_rows=window_rows,
        ),
        drop=rules.critical_drop,
        within_windows=_WITHIN_WINDOWS,
        rules=rules,
        n_trials=_TRIALS,
    )
    return offer | {"seen_within": list(found.seen_within), "reason": found.reason}
