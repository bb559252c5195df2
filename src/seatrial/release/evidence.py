"""The evidence of an endpoint: sums of slices per version and revision."""

from __future__ import annotations

from seatrial.kernel.store import Slices
from seatrial.release.measurement import Summary

_PAGE = 5_000


class Evidence:
    """Reads an endpoint's slices forward and adds them up.

    Evidence is cut by the revision of the split under which a request was answered, never by time:
    a clock that is set back cannot mix the traffic of two steps.
    """

    def __init__(self, slices: Slices, endpoint: str) -> None:
        self._slices = slices
        self._endpoint = endpoint
        self._position = 0
        self._sums: dict[tuple[int, int], Summary] = {}

    def refresh(self) -> bool:
        """Add what arrived since the last call; says whether anything did."""
        before = self._position
        while page := self._slices.read_slices(self._endpoint, after=self._position, limit=_PAGE):
            for position, piece in page:
                key = (piece.version, piece.revision)
                summary = Summary.decode(piece.summary)
                self._sums[key] = self._sums.get(key, Summary.empty()).merge(summary)
                self._position = position
        return self._position != before

    def of(self, version: int, *, revision: int) -> Summary:
        """What a version answered under one revision of the split."""
        return self._sums.get((version, revision), Summary.empty())
