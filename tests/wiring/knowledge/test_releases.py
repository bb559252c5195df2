"""Which version answers while an index becomes one that is released."""

from __future__ import annotations

import pytest

from seatrial.release.variant import Split
from seatrial.serving.record import Recorder
from seatrial.serving.router import Router, StillLoading
from seatrial.testing.clock import FakeClock
from seatrial.wiring.knowledge.releases import LoadedIndex, ReleasedIndexes


@pytest.fixture
def router() -> Router[LoadedIndex[str]]:
    return Router(Recorder(worker="worker/s/0", clock=FakeClock()))


def test_the_live_version_answers_until_the_first_release_is_loaded(
    router: Router[LoadedIndex[str]],
) -> None:
    released = ReleasedIndexes(router)
    assert released.pick("ships", None) is None
    router.expect({"ships"})
    assert released.pick("ships", None) is None
    assert released.stable("ships") is None
    router.apply("ships", 1, Split(stable=1), {1: LoadedIndex("first")})
    served = released.pick("ships", None)
    assert served is not None
    assert served.opened == "first"


def test_a_server_that_begins_waits_for_what_is_released(
    router: Router[LoadedIndex[str]],
) -> None:
    router.expect({"ships"})
    released = ReleasedIndexes(router)
    with pytest.raises(StillLoading):
        released.pick("ships", None)
    with pytest.raises(StillLoading):
        released.stable("ships")
