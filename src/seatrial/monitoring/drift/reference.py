"""A reference sample at hand, prepared once: windows are compared with its very values.

A bundle's profile is enough to watch with. Where the rows themselves are there, as in a batch
comparison, the Kolmogorov-Smirnov distance is exact and segments have their own reference.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.drift.compare import compare
from seatrial.monitoring.drift.flaw import Finding
from seatrial.monitoring.drift.quality import check_quality
from seatrial.monitoring.drift.segments import SegmentDrift, compare_segments
from seatrial.monitoring.drift.verdict import DriftLimits, WindowDrift
from seatrial.monitoring.rows.table import Table
from seatrial.monitoring.summaries.counting import Summariser
from seatrial.monitoring.summaries.numeric import ordered_values
from seatrial.monitoring.summaries.profile import LABELS, Profile
from seatrial.monitoring.summaries.profiling import profile_of
from seatrial.monitoring.summaries.summary import Summary
from seatrial.stats.divergence import Divergence

_DEFAULT = DriftLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A window, beside the reference.

    Args:
        summary: of the window, to be kept and added.
        drift: of its columns.
        quality: what is wrong with its data, the worst first.
        segments: the worst first; empty without segments.
    """

    summary: Summary
    drift: WindowDrift
    quality: tuple[Finding, ...]
    segments: tuple[SegmentDrift, ...] = ()


class Reference:
    """A reference sample. Keeps its numbers sorted, in their own precision, and no other rows.

    Args:
        features: what goes into the model.
        predictions: what the model answered on the same rows.
        categorical: columns of both whose numbers are names of classes.
        segments: columns whose values are also compared each by itself.
        repeats: whether rows are hashed, to find those that repeat another.
    Raises: NoSuchSegment.
    """

    def __init__(
        self,
        features: Table,
        predictions: Table | None = None,
        *,
        categorical: Collection[str] = (),
        segments: Sequence[str] = (),
        repeats: bool = True,
    ) -> None:
        self._ordered: Mapping[str, NDArray[np.generic]] = {
            name: ordered_values(column)
            for name, column in features.columns.items()
            if isinstance(column, np.ndarray)
            and column.ndim == 1
            and column.dtype.kind != "b"
            and name not in categorical
        }
        self.profile: Profile = profile_of(
            features,
            predictions=predictions,
            categorical=[name for name in categorical if name != LABELS],
            ordered=self._ordered,
            repeats=repeats,
        )
        self._summariser = Summariser(self.profile, segments=segments, repeats=repeats)
        self._segments = self._summariser.summarise(features, predictions) if segments else None

    @property
    def segments(self) -> Summary | None:
        """Its own rows, counted with their segments; None without any."""
        return self._segments

    def measure(
        self, features: Table, predictions: Table | None = None
    ) -> tuple[Summary, dict[str, Divergence]]:
        """The summary of a window, and the exact distances of its numbers to these."""
        return self._summariser.measure(features, predictions, self._ordered)

    def check(
        self,
        features: Table,
        predictions: Table | None = None,
        *,
        limits: DriftLimits = _DEFAULT,
        importance: Mapping[str, float] | None = None,
    ) -> Checked:
        """Compare a window with this reference."""
        summary, exact = self.measure(features, predictions)
        segments: tuple[SegmentDrift, ...] = ()
        if self._segments is not None:
            segments = compare_segments(
                self.profile, summary, self._segments, limits=limits, importance=importance
            )
        return Checked(
            summary=summary,
            drift=compare(self.profile, summary, limits=limits, importance=importance, exact=exact),
            quality=check_quality(self.profile, summary),
            segments=segments,
        )
