"""The port of searches: something proposes hyperparameters, and learns what came of them.

What it learned outlives the process: a search of the same name goes on where the one before was
killed. `seatrial.testing.searcher_suite` says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from seatrial.training.search.space import Space, Tried


class Pruner(StrEnum):
    """How trials that lead nowhere are ended early."""

    MEDIAN = "median"
    HYPERBAND = "hyperband"
    NONE = "none"


class End(StrEnum):
    """How a trial ended."""

    DONE = "done"
    PRUNED = "pruned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A search.

    Args:
        name: unique; the same one is the same search.
        metric: what is sought.
        maximize: whether more of it is better.
        space: what may be tried.
        n_trials: how many come to an end, >= 1.
        timeout_s: after which no further trial begins; None for never.
        pruner: what ends trials early.
        warmup_steps: steps of a trial before it may be ended, >= 0.
        seed: of the proposals.
    """

    name: str
    metric: str
    maximize: bool
    space: Space
    n_trials: int
    timeout_s: float | None
    pruner: Pruner
    warmup_steps: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Something to try.

    Args:
        number: from 0, never used twice in a search.
        parameters: of the space.
    """

    number: int
    parameters: Tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a search stands.

    Args:
        ended: how each trial that is over ended, by its number.
        best: number of the best trial that is done, or None.
        value: of the metric there, or None.
    """

    ended: Mapping[int, End]
    best: int | None
    value: float | None


class Searcher(Protocol):
    """Proposes trials of one search. All calls block; one thread at a time."""

    def ask(self) -> Trial:
        """The next trial; those a killed process left unfinished are proposed again, anew."""
        ...

    def report(self, number: int, step: int, value: float) -> bool:
        """A trial's metric after a step; whether to end it: it leads nowhere."""
        ...

    def tell(self, number: int, end: End, value: float | None = None) -> None:
        """A trial is over.

        Args: value: of the metric; needed where it is done.
        """
        ...

    def tally(self) -> Tally:
        """How the search stands."""
        ...
