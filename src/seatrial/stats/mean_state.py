"""What a detector of means remembers between windows."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.stats.detector_state import bad_state
from seatrial.stats.packed_arrays import Packed, pack, unpack
from seatrial.stats.vector_counts import Ints, Moments

Floats = NDArray[np.float64]

_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeanState:
    """What a detector remembers. Its size does not depend on the number of windows.

    Args:
        log_evidence: shape (c, s), log of M of each component and size, >= `LEAST_LOG`.
        log_run: shape (c, s), log of the evidence of a change at ``since``.
        since: shape (c, s), the window, counted from 0, at which a change is most likely.
        trend: shape (2, r, d), what classifiers have learned, by view and memory.
        learned: of the windows taken to be like the reference.
        recent: of the windows since the evidence last was slight.
    """

    log_evidence: Floats
    log_run: Floats
    since: Ints
    trend: Floats
    learned: Moments
    recent: Moments

    def encode(self) -> bytes:
        """Compact bytes, with a version."""
        return msgspec.msgpack.encode((_VERSION, pack(self._arrays)))

    @classmethod
    def decode(cls, data: bytes) -> MeanState:
        """The state that was encoded.

        Raises: BadDetectorState: other bytes, or of a version this code does not know.
        """
        try:
            version, packed = msgspec.msgpack.decode(data, type=tuple[int, Packed])
            arrays = unpack(packed, _KINDS)
        except (msgspec.DecodeError, ValueError) as error:
            raise bad_state(str(error)) from error
        if version != _VERSION:
            raise bad_state(f"version {version} is unknown")
        evidence, run, since, trend, *sums = arrays
        return cls(
            log_evidence=evidence,
            log_run=run,
            since=since.astype(np.int64),
            trend=trend,
            learned=Moments(sums[0].astype(np.int64), sums[1].astype(np.int64)),
            recent=Moments(sums[2].astype(np.int64), sums[3].astype(np.int64)),
        )

    @property
    def _arrays(self) -> tuple[Floats | Ints, ...]:
        sums = (self.learned.n, self.learned.sums, self.recent.n, self.recent.sums)
        return (self.log_evidence, self.log_run, self.since, self.trend, *sums)


_KINDS = ("<f8", "<f8", "<i8", "<f8", "<i8", "<i8", "<i8", "<i8")
