from __future__ import annotations

import logging
import threading

import pytest

from seatrial.kernel.errors import Unavailable
from seatrial.wiring.ceaseless import ceaselessly

_log = logging.getLogger("seatrial.test")


class Away(Unavailable):
    code = "test.away"


def test_work_goes_on_after_every_failure_and_each_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, turns = threading.Event(), []

    def work() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise Away("The store is away.", remedy="Wait.")
        if len(turns) == 2:
            raise ZeroDivisionError
        stop.set()

    ceaselessly(work, stop, log=_log, still="nothing is watched", again_s=0)
    assert len(turns) == 3
    known, unknown = caplog.records
    assert known.getMessage().startswith("nothing is watched: The store is away.")
    assert known.exc_info is None
    assert unknown.exc_info is not None


def test_what_is_stopped_before_it_begins_does_nothing() -> None:
    stop = threading.Event()
    stop.set()
    ceaselessly(lambda: pytest.fail("begun"), stop, log=_log, still="", again_s=60)
