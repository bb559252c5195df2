"""What came of the users of one experiment: the port, which is a fold over slices of the store.

Slices are the way to it and may be gone later; what a ledger has taken in it keeps, with the place
up to which it has read, in one change. So nothing counts twice whoever is killed when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seatrial.experiments.entries import Entry
from seatrial.serving.enrolment import Exposure

MAX_UNITS = 5_000_000
MAX_OUTCOMES = 20_000_000
"""What a ledger keeps of one experiment; more is counted and left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a ledger was given.

    Args:
        n_units: users that met a variant.
        n_crossed: of those, with two variants, which are left out.
        n_outcomes: outcomes kept.
        n_repeated: handed in again.
        n_changed: of those, with another value; the first one counts.
        n_unexposed: kept outcomes of nobody who met a variant, or of before that; left out.
        n_dropped: not kept, since there were too many.
    """

    n_units: int = 0
    n_crossed: int = 0
    n_outcomes: int = 0
    n_repeated: int = 0
    n_changed: int = 0
    n_unexposed: int = 0
    n_dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The users of a ledger that are to be judged, one row each, in the order they came.

    Args:
        place: of the arm that each met, shape (n,).
        at_us: when first, shape (n,).
        values: sums of outcomes by name, 0 where there is none, shape (n,).
        covariates: by name, NaN where it is not known, shape (n,).
        segments: by name, None where it is not known, length n.
    """

    place: NDArray[np.int64]
    at_us: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    covariates: Mapping[str, NDArray[np.float64]]
    segments: Mapping[str, Sequence[str | None]]


class Ledger(Protocol):
    """Keeps the users of one experiment and what came of them; for one thread."""

    def position(self, kind: str) -> int:
        """The place up to which slices of a kind were taken in; 0 before the first."""
        ...

    def take(
        self,
        kind: str,
        position: int,
        *,
        after: int,
        exposures: Sequence[Exposure] = (),
        entries: Sequence[Entry] = (),
        notes: Mapping[str, bytes] | None = None,
    ) -> bool:
        """Take in slices of a kind up to ``position``: all of it is kept, or nothing.

        The earliest exposure of a user counts, and the first entry of a user, name and id.

        Args:
            after: the position that the slices follow on.
            notes: kept as they are, by name, in place of what was there.
        Returns: False, and nothing is taken, where the ledger is at another position by now.
        """
        ...

    def note(self, name: str) -> bytes | None:
        """What was last noted under a name."""
        ...

    def counts(self) -> Counts:
        """What it was given."""
        ...

    def rows(self, *, until_us: int, window_us: int | None) -> Rows:
        """Users whose outcomes are all there.

        Those that met two variants are left out.

        Args:
            until_us: now; later outcomes are left out.
            window_us: how long after its exposure a user's outcomes count, and so how long ago it
                must be; None for ever.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
