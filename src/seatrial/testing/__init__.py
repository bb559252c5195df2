"""Fakes, and one conformance suite per port, for users and for us."""

from seatrial.testing.clock import FakeClock
from seatrial.testing.memory_store import MemoryStore
from seatrial.testing.store_suite import StoreSuite

__all__ = ["FakeClock", "MemoryStore", "StoreSuite"]
