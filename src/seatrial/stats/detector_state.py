"""What a drift detector remembers between windows."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.kernel.errors import Invalid
from seatrial.stats.packed_arrays import Packed, pack, unpack

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_LOG = -700.0
"""Evidence is kept above exp(-700), so that its logarithm is finite."""

_VERSION = 1


class BadDetectorState(Invalid):
    """Bytes that are not the state of a detector, or the state of another detector."""

    code = "stats.bad_detector_state"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DetectorState:
    """What a detector remembers. Its size does not depend on the number of windows.

    Args:
        n_windows: windows so far that were not empty.
        alarmed: whether the alarm sounds; no window is learned while it does.
        log_evidence: shape (c, j), log of M of each column and component, >= `LEAST_LOG`.
        log_run: shape (c, j), log of the evidence of a change at ``since``; < 0 is reset next time.
        since: shape (c, j), the window, counted from 0, at which a change is most likely.
        learned: shape (c, k), counts of the windows so far.
        recent: shape (c, r, k), counts since the last reset of each free law.
    """

    n_windows: int
    alarmed: bool
    log_evidence: Floats
    log_run: Floats
    since: Ints
    learned: Floats
    recent: Floats

    def encode(self) -> bytes:
        """Compact bytes, with a version."""
        return msgspec.msgpack.encode((_VERSION, self.n_windows, self.alarmed, pack(self._arrays)))

    @classmethod
    def decode(cls, data: bytes) -> DetectorState:
        """The state that was encoded.

        Raises: BadDetectorState: other bytes, or of a version this code does not know.
        """
        try:
            version, n_windows, alarmed, packed = msgspec.msgpack.decode(
                data, type=tuple[int, int, bool, Packed]
            )
            arrays = unpack(packed, ("<f8", "<f8", "<i8", "<f8", "<f8"))
        except (msgspec.DecodeError, ValueError) as error:
            raise bad_state(str(error)) from error
        if version != _VERSION:
            raise bad_state(f"version {version} is unknown")
        evidence, run, since, learned, recent = arrays
        return cls(
            n_windows=n_windows,
            alarmed=alarmed,
            log_evidence=evidence,
            log_run=run,
            since=since.astype(np.int64, copy=False),
            learned=learned,
            recent=recent,
        )

    @property
    def _arrays(self) -> tuple[Floats | Ints, ...]:
        return (self.log_evidence, self.log_run, self.since, self.learned, self.recent)


def bad_state(why: str) -> BadDetectorState:
    """The error that says why a state cannot be used."""
    return BadDetectorState(
        f"The detector's state cannot be used: {why}.",
        remedy="Start the detector anew; the evidence of past windows is lost.",
    )
