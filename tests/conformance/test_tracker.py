"""Trackers that need nothing installed, against their suite."""

import pytest

from seatrial.testing.memory_tracker import MemoryTracker
from seatrial.testing.tracker_suite import OpenTracker, TrackerSuite


class TestMemory(TrackerSuite):
    @pytest.fixture
    def opened(self) -> OpenTracker:
        tracker = MemoryTracker()
        return lambda: tracker
