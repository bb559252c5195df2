"""The suite for a whole `kernel.store.Store`: the four ports, and what they share."""

from __future__ import annotations

import pytest

from seatrial.kernel.events import Draft
from seatrial.kernel.store import Store, StoreUnavailable
from seatrial.testing.facts_suite import FactLogSuite
from seatrial.testing.leases_suite import LeasesSuite
from seatrial.testing.presence_suite import PresenceSuite
from seatrial.testing.slices_suite import SlicesSuite


class StoreSuite(FactLogSuite, LeasesSuite, PresenceSuite, SlicesSuite):
    """Subclass it as ``Test...`` with a fixture ``store`` that yields an empty store.

    Example::

        class TestMyStore(StoreSuite):
            @pytest.fixture
            def store(self, tmp_path):
                store = MyStore(tmp_path / "store.db")
                yield store
                store.close()
    """

    def test_a_closed_store_says_so(self, store: Store) -> None:
        """Every port refuses; closing twice is harmless."""
        store.append("a", [Draft(kind="k")], expected=0)
        store.close()
        store.close()
        for call in (
            store.head,
            store.read,
            store.present,
            lambda: store.append("a", [Draft(kind="k")], expected=1),
            lambda: store.acquire("c", "ana", ttl_s=1),
            lambda: store.read_slices("churn"),
        ):
            with pytest.raises(StoreUnavailable, match="closed"):
                call()
