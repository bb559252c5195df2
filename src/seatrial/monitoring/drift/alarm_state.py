"""What the drift alarm watches, what it asks for, and what it remembers between windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.stats.detector_state import DetectorState
from seatrial.stats.domain_classifier import DomainReference
from seatrial.stats.edetector import BUDGET
from seatrial.stats.mean_state import MeanState

Floats = NDArray[np.float64]

STIRRED = math.log(20)
"""Evidence from which on it is more than slight: rows are gathered to say what moved."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = 2
"""The first remembered nothing of classifiers."""


class BadWatch(Invalid):
    """Columns, counts or settings the drift alarm cannot work with; ``column`` names the first."""

    code = "monitoring.bad_watch"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Watched:
    """A column and its reference.

    Args:
        name: of the column.
        reference: shape (k,), rows of the reference in each bin.
        ordered: whether the bins hold numbers in order; False for names and booleans.
        n_apart: so many bins at the end are of neither kind (missing, infinite, unseen): they are
            never joined with others.
        weight: > 0, how much the column matters, such as its importance to the model.
        clustering: intraclass correlation of its rows within a window, in [0, 1); see
            `detector.with_clustering`.
        n_windows: how many windows the reference rows come from, >= 1; counts only with clustering.

    Raises: BadWatch.
    """

    name: str
    reference: NDArray[np.number]
    ordered: bool
    n_apart: int = 0
    weight: float = 1.0
    clustering: float = 0.0
    n_windows: float = 1.0

    def __post_init__(self) -> None:
        counts = np.asarray(self.reference, dtype=np.float64)
        if counts.ndim != 1 or not len(counts) or not np.all(np.isfinite(counts) & (counts >= 0)):
            raise bad_watch(
                self.name, f"has a reference of shape {counts.shape} that holds no counts"
            )
        if not 0 <= self.n_apart <= len(counts):
            raise bad_watch(self.name, f"has {len(counts)} bins and n_apart {self.n_apart}")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise bad_watch(self.name, f"has the weight {self.weight!r}")
        if not 0 <= self.clustering < 1:
            raise bad_watch(self.name, f"has the clustering {self.clustering!r}")
        if not (math.isfinite(self.n_windows) and self.n_windows >= 1):
            raise bad_watch(self.name, f"has a reference of {self.n_windows!r} windows")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WatchedMean:
    """Vectors that a classifier tells from their reference.

    Args:
        name: of the evidence.
        reference: with rows enough.
        weight: > 0, how much the column matters.
    """

    name: str
    reference: DomainReference
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSettings:
    """What an alarm asks for.

    Args:
        budget: >= 1, windows per false alarm over all columns.
        effect_floor: >= 0, PSI a column must have moved by. 0.005 is a level 0.07 standard
            deviations up, or 1.6 % of the rows gone from one of ten equal categories to another.

    Raises: BadWatch.
    """

    budget: float = BUDGET
    effect_floor: float = 0.005

    def __post_init__(self) -> None:
        if not (math.isfinite(self.budget) and self.budget >= 1):
            raise bad_watch("budget", f"is {self.budget!r}, not at least 1 window")
        if not (math.isfinite(self.effect_floor) and self.effect_floor >= 0):
            raise bad_watch("effect_floor", f"is {self.effect_floor!r}, not a PSI of at least 0")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WatchState:
    """What the alarm remembers between windows.

    Args:
        detector: the evidence.
        recent: shape (c, k), rows since each column's evidence last was slight.
        stirred: shape (c,), whether it is more than slight.
        moments: start of each window that some estimate of a beginning points to, by its number.
        means: of what classifiers watch, by name.
    """

    detector: DetectorState
    recent: Floats
    stirred: NDArray[np.bool_]
    moments: Mapping[int, datetime]
    means: Mapping[str, MeanState] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Compact bytes, with a version."""
        moments = {i: (at - _EPOCH) // timedelta(microseconds=1) for i, at in self.moments.items()}
        recent = (self.recent.shape, self.recent.astype("<f8").tobytes())
        stirred = self.stirred.tobytes()
        means = {name: state.encode() for name, state in self.means.items()}
        return msgspec.msgpack.encode(
            (_VERSION, self.detector.encode(), recent, stirred, moments, means)
        )

    @classmethod
    def decode(cls, data: bytes) -> WatchState:
        """The state that was encoded.   Raises: BadWatch, BadDetectorState."""
        try:
            packed = msgspec.msgpack.decode(data, type=_Packed)
            shape, raw = packed.recent
            recent = np.frombuffer(raw, dtype="<f8").reshape(shape)
            flags = np.frombuffer(packed.stirred, dtype=np.bool_).reshape(shape[0])
        except (msgspec.DecodeError, ValueError) as error:
            raise bad_watch("state", f"cannot be read: {error}") from error
        if packed.version not in {1, _VERSION}:
            raise bad_watch("state", f"is of version {packed.version}, which is unknown")
        return cls(
            detector=DetectorState.decode(packed.detector),
            recent=recent,
            stirred=flags,
            moments={i: _EPOCH + timedelta(microseconds=us) for i, us in packed.moments.items()},
            means={name: MeanState.decode(state) for name, state in packed.means.items()},
        )


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    version: int
    detector: bytes
    recent: tuple[tuple[int, int], bytes]
    stirred: bytes
    moments: dict[int, int]
    means: dict[str, bytes] = {}


def bad_watch(column: str, why: str) -> BadWatch:
    """The error that names a column or setting and says what is wrong with it."""
    return BadWatch(
        f"{column!r} {why}.",
        remedy="Give counts >= 0 of each column in the bins of its reference, each name once.",
        column=column,
    )
