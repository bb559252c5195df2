"""What a confidence is worth: calibrated on labelled rows, and summed over rows without labels.

A classifier gives the class it predicts a probability. Among labelled rows one counts how often it
was right at each level of it; isotonic regression of those counts turns a confidence into a chance
to be right, and the mean of the chances over a window is the accuracy one expects of it without
labels (confidence-based performance estimation: Kivimaki et al. 2024, arXiv:2407.08649). It holds
as long as what the model knows about rows like these has not changed; `stats/fusion.py` corrects
it by labels.

Levels are bins of the log-odds, the same for every model, so counts of any partition of the rows
add up exactly, and a window needs no rows, only its counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from seatrial.kernel.errors import Invalid
from seatrial.stats.counts import BadStatistic

_EDGES = 1 / (1 + np.exp(-np.arange(-144, 145) / 12))
_EDGES.flags.writeable = False
N_LEVELS = len(_EDGES) + 1
"""Levels of confidence: steps of 1/12 in log-odds, two points wide at 50 %, to 6e-6 of 0 and 1."""

UNUSABLE = -1
"""The level of a confidence that is no probability: missing, infinite, or outside [0, 1]."""

OWN_MAP_ROWS = 200
"""Labelled rows of a predicted class from which on it gets a map of its own: some 20 a step."""

_VERSION = 1
_MOST = 2**53


class BadCalibration(Invalid):
    """Stored counts of confidences that this version cannot read."""

    code = "stats.bad_calibration"


def levels(confidence: ArrayLike) -> NDArray[np.int16]:
    """The level of each confidence.

    Args: probabilities that the models gave to the classes they predicted, shape (n,).
    Returns: shape (n,), in [0, N_LEVELS), or UNUSABLE.
    """
    given = np.asarray(confidence, dtype=np.float64)
    found = np.searchsorted(_EDGES, given, side="right").astype(np.int16)
    found[~((given >= 0) & (given <= 1))] = UNUSABLE
    return found


@dataclass(frozen=True, slots=True, eq=False)
class ConfidenceCounts:
    """Rows per predicted class and level of confidence, and how many of them were right. Additive.

    Args:
        n: shape (n_classes, N_LEVELS), int64: rows.
        n_right: the same shape: those whose label was the predicted class; zeros without labels.
    """

    n: NDArray[np.int64]
    n_right: NDArray[np.int64]

    @classmethod
    def empty(cls, n_classes: int) -> ConfidenceCounts:
        """Counts of nothing: the neutral element of ``+``."""
        shape = (n_classes, N_LEVELS)
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64))

    @classmethod
    def of(
        cls,
        level: NDArray[np.int16],
        predicted: NDArray[np.integer],
        right: NDArray[np.bool_] | None = None,
        *,
        n_classes: int,
    ) -> ConfidenceCounts:
        """Count rows.

        Args:
            level: of `levels`, shape (n,); unusable rows are left out.
            predicted: index of the predicted class, shape (n,), in [0, n_classes).
            right: whether the label was the predicted class, shape (n,); None without labels.
            n_classes: >= 1.
        """
        usable = level != UNUSABLE
        cell = predicted.astype(np.int64) * N_LEVELS + level
        shape, size = (n_classes, N_LEVELS), n_classes * N_LEVELS
        n = np.bincount(cell[usable], minlength=size).reshape(shape)
        if right is None:
            return cls(n, np.zeros_like(n))
        return cls(n, np.bincount(cell[usable & right], minlength=size).reshape(shape))

    def __add__(self, other: ConfidenceCounts) -> ConfidenceCounts:
        return ConfidenceCounts(self.n + other.n, self.n_right + other.n_right)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ConfidenceCounts)
            and np.array_equal(self.n, other.n)
            and np.array_equal(self.n_right, other.n_right)
        )

    def __hash__(self) -> int:
        return hash((self.n.tobytes(), self.n_right.tobytes()))

    @property
    def n_rows(self) -> int:
        """Rows counted."""
        return int(self.n.sum())

    def encode(self) -> bytes:
        """Compact bytes: version, number of classes, the cells in use with their two counts."""
        used = np.flatnonzero(self.n)
        return msgspec.msgpack.encode(
            (
                _VERSION,
                len(self.n),
                used.tolist(),
                self.n.ravel()[used].tolist(),
                self.n_right.ravel()[used].tolist(),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> ConfidenceCounts:
        """The counts that were encoded.   Raises: BadCalibration."""
        try:
            version, n_classes, used, n, n_right = msgspec.msgpack.decode(
                data, type=tuple[int, int, list[int], list[int], list[int]]
            )
        except msgspec.DecodeError as error:
            raise _bad(str(error)) from error
        if version != _VERSION:
            raise _bad(f"version {version} is unknown")
        size = n_classes * N_LEVELS
        if not 1 <= n_classes <= 2**16 or len(used) != len(n) or len(used) != len(n_right):
            raise _bad("its parts do not fit together")
        if any(not 0 <= cell < size for cell in used) or len(set(used)) != len(used):
            raise _bad("its cells are out of range")
        if any(not 0 <= k <= m <= _MOST for k, m in zip(n_right, n, strict=True)):
            raise _bad("more rows are right than there are")
        counts = cls.empty(n_classes)
        counts.n.ravel()[used] = n
        counts.n_right.ravel()[used] = n_right
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What one expects of the mean of some rows before their labels are known.

    Args:
        n: rows it speaks of, >= 1.
        mean: the expected mean, for an accuracy in [0, 1].
        row_variance: mean variance of one row around its own expectation; the mean of labels of
            these rows scatters around ``mean`` with ``row_variance / n``.
        map_variance: variance of ``mean`` from the finite reference the map was learned on.
    """

    n: int
    mean: float
    row_variance: float
    map_variance: float


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """The chance to be right at each level of confidence, as the reference has it.

    Args:
        chance: shape (n_classes, N_LEVELS), in (0, 1), not falling along a row.
        block: the same shape, int: levels with one number were pooled, and err together.
        block_variance: shape (n_blocks,): sampling variance of a block's chance.
    """

    chance: NDArray[np.float64]
    block: NDArray[np.intp]
    block_variance: NDArray[np.float64]

    @classmethod
    def fit(cls, counts: ConfidenceCounts) -> Calibration:
        """Isotonic regression of being right on confidence, per predicted class.

        A class with under OWN_MAP_ROWS rows uses the map of all classes together. A confidence
        that says nothing, or the opposite of what it should, gives one chance for all levels.

        Raises: BadStatistic: no labelled row, or there is a class too many.
        """
        if not counts.n_rows:
            raise BadStatistic(
                "A calibration needs labelled rows with usable scores; there are 0.",
                remedy="Give reference rows that have labels and probabilities in [0, 1].",
            )
        chance = np.empty(counts.n.shape)
        block = np.empty(counts.n.shape, np.intp)
        variances: list[NDArray[np.float64]] = []
        start = 0
        pooled: int | None = None
        for place, (n, n_right) in enumerate(zip(counts.n, counts.n_right, strict=True)):
            if n.sum() >= OWN_MAP_ROWS or len(counts.n) == 1:
                chance[place], own, variance = _isotonic(n, n_right)
            elif pooled is not None:
                chance[place], block[place] = chance[pooled], block[pooled]
                continue
            else:
                pooled = place
                chance[place], own, variance = _isotonic(
                    counts.n.sum(axis=0), counts.n_right.sum(axis=0)
                )
            block[place] = own + start
            start += len(variance)
            variances.append(variance)
        return cls(chance, block, np.concatenate(variances))

    def chances(
        self, level: NDArray[np.int16], predicted: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """The chance of each row to be right, shape (n,); NaN where the confidence is unusable."""
        found = self.chance[predicted, np.where(level == UNUSABLE, 0, level)]
        return np.where(level == UNUSABLE, np.nan, found)

    def expect(self, counts: ConfidenceCounts) -> Expectation | None:
        """The accuracy to expect of a window; None when none of its rows is usable.

        Args: counts of the window; its labels are not looked at.
        """
        n = counts.n_rows
        if not n:
            return None
        weight = counts.n / n
        blocks = np.bincount(
            self.block.ravel(), weights=weight.ravel(), minlength=len(self.block_variance)
        )
        return Expectation(
            n=n,
            mean=float((weight * self.chance).sum()),
            row_variance=float((weight * self.chance * (1 - self.chance)).sum()),
            map_variance=float((blocks**2 * self.block_variance).sum()),
        )


def _isotonic(
    n: NDArray[np.int64], n_right: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Chance per level, block per level, variance per block, by pooling adjacent violators.

    Between the centres of two blocks the chance is interpolated: the steps are an artefact of the
    sample. Half a row of each kind is added, so that 20 right of 20 do not make a certainty.

    Source: Ayer et al. 1955, Ann. Math. Statist. 26:641.
    """
    pooled: list[list[float]] = []  # rows, right ones, sum of level times rows, last level
    for level in np.flatnonzero(n):
        rows = float(n[level])
        pooled.append([rows, float(n_right[level]), rows * float(level), float(level)])
        while len(pooled) > 1 and pooled[-2][1] * pooled[-1][0] >= pooled[-1][1] * pooled[-2][0]:
            rows, right, place, last = pooled.pop()
            before = pooled[-1]
            pooled[-1] = [before[0] + rows, before[1] + right, before[2] + place, last]
    rows_in, right_in, place_in, last_in = np.array(pooled).T
    chance = (right_in + 0.5) / (rows_in + 1)
    smooth = np.interp(np.arange(N_LEVELS), place_in / rows_in, np.maximum.accumulate(chance))
    block = np.minimum(np.searchsorted(last_in, np.arange(N_LEVELS), side="left"), len(last_in) - 1)
    return smooth, block, chance * (1 - chance) / rows_in


def _bad(why: str) -> BadCalibration:
    return BadCalibration(
        f"The stored counts of confidences cannot be read: {why}.",
        remedy="Read them with the version of seatrial that wrote them, or profile anew.",
    )
