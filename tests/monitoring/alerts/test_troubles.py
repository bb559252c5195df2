"""Trouble of the watch itself: said once, and once that it is over."""

from __future__ import annotations

import errno
import logging

import pytest

from seatrial.kernel.store import StoreDamaged, StoreUnavailable
from seatrial.monitoring.alerts.troubles import Troubles
from seatrial.testing.clock import FakeClock

LOG = logging.getLogger("seatrial.test")


def damaged(why: str = "is damaged") -> StoreDamaged:
    return StoreDamaged(f"The file {why}.", remedy="Restore it.")


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_cause_is_said_once_and_again_when_it_comes_back(said: pytest.LogCaptureFixture) -> None:
    troubles = Troubles(LOG, FakeClock())
    for n in range(50):
        troubles.met("churn", "labels", damaged(f"is damaged, look {n}"))
    troubles.over("churn", "labels")
    troubles.over("churn", "labels")
    troubles.met("churn", "labels", damaged())
    assert [record.message for record in said.records] == [
        "churn: labels: The file is damaged, look 0. Restore it.",
        "churn: labels: well again",
        "churn: labels: The file is damaged. Restore it.",
    ]


def test_another_cause_another_part_and_another_version_are_said_too(
    said: pytest.LogCaptureFixture,
) -> None:
    troubles = Troubles(LOG, FakeClock())
    troubles.met("churn", "labels", damaged())
    troubles.met("churn", "labels", StoreUnavailable("It is locked.", remedy="Wait."))
    troubles.met("churn", "labels", OSError(errno.EIO, "Input/output error"))
    troubles.met("churn", "labels", OSError(errno.ENOSPC, "No space left on device"))
    troubles.met("churn", "windows", damaged(), version=1)
    troubles.met("churn", "windows", damaged(), version=2)
    assert len(said.records) == 6
    assert said.records[-1].message.startswith("churn: version 2: windows: ")


def test_a_fault_of_ours_leaves_its_trace_in_the_log(said: pytest.LogCaptureFixture) -> None:
    troubles = Troubles(LOG, FakeClock())
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError as fault:
        troubles.met("churn", "drift", fault)
        troubles.met("churn", "drift", fault)
    assert said.text.count("Traceback") == 1
    (one,) = troubles.lasting("churn", 0)
    assert one.as_dict() == {
        "about": "drift",
        "problem": "a fault: ZeroDivisionError('by nothing')",
    }


def test_what_lasts_is_known_by_endpoint_and_by_what_is_served() -> None:
    clock = FakeClock()
    troubles = Troubles(LOG, clock)
    troubles.met("churn", "labels", damaged())
    clock.advance(59)
    troubles.met("churn", "labels", damaged())
    troubles.met("churn", "windows", damaged(), version=1)
    troubles.met("loans", "labels", damaged())
    assert [one.part for one in troubles.lasting("churn", 59)] == ["labels"]
    clock.advance(60)
    assert [one.about for one in troubles.lasting("churn", 60)] == ["labels", "version 1: windows"]
    assert [one.about for one in troubles.lasting("churn", 60, served=[2])] == ["labels"]
