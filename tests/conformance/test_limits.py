"""Every store of rate limits against the suite that defines one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.adapters.llm.limits_shared import SharedLimits
from seatrial.gateway.policies.limit_store import LocalLimits
from seatrial.testing import LimitStoreSuite


class TestLocalLimits(LimitStoreSuite):
    @pytest.fixture
    def limits(self) -> LocalLimits:
        return LocalLimits()


class TestSharedLimits(LimitStoreSuite):
    @pytest.fixture
    def limits(self, tmp_path: Path) -> Iterator[SharedLimits]:
        store = SharedLimits(tmp_path / "limits")
        yield store
        store.close()

    @pytest.fixture
    def other(self, tmp_path: Path, limits: SharedLimits) -> Iterator[SharedLimits]:
        store = SharedLimits(tmp_path / "limits")
        yield store
        store.close()
