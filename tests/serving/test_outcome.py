from __future__ import annotations

import pytest

from seatrial.kernel.errors import SeatrialError
from seatrial.serving.exchange import BadInput, BadOutput, BodyTooLarge
from seatrial.serving.failures import EngineFailed
from seatrial.serving.outcome import outcome_of
from seatrial.serving.queue import Late, Overloaded
from seatrial.serving.router import NothingLive, UnknownVersion


@pytest.mark.parametrize(
    ("problem", "outcome"),
    [
        (BadInput("p", remedy="r"), "rejected"),
        (UnknownVersion("p", remedy="r"), "rejected"),
        (BodyTooLarge(10), "rejected"),
        (Overloaded("p", remedy="r"), "shed"),
        (Late("p", remedy="r"), "error:timeout"),
        (EngineFailed("p", remedy="r"), "error:failed"),
        (BadOutput("p", remedy="r"), "error:bad_output"),
        (NothingLive("p", remedy="r"), "error:nothing_live"),
    ],
)
def test_who_is_to_blame_follows_from_the_error(problem: SeatrialError, outcome: str) -> None:
    assert outcome_of(problem) == outcome
