"""Where predictions wait for their labels: the port. What is kept of each is a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.performance.scored import Scored


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
