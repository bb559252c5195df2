"""What is said of a release while it is followed: each thing once."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.cli.follow import follow
from seatrial.cli.output import Console
from seatrial.cli.show import release_line

GATE = {"outcome": "pass", "reason": "p95 2 ms is under the limit 100 ms", "n": 3_600}
EVIDENCE = {"outcome": "pass", "reason": GATE["reason"], "verdicts": [GATE], "n_needed": 0}


def release(**changes: object) -> dict[str, Any]:
    return {
        "release": "churn-2-7",
        "version": 2,
        "phase": "promoted",
        "over": True,
        "reason": GATE["reason"],
        "staging": {"passed": True, "reason": "8 tests passed"},
        "evidence": EVIDENCE,
        "share": None,
        "waiting_for": "",
    } | changes


class Desk:
    """Gives the records it was made with, one after the other."""

    def __init__(self, *records: dict[str, Any]) -> None:
        self._records = list(records)

    def view(self, _: str) -> dict[str, Any]:
        return {"release": self._records.pop(0)}


def told(capsys: pytest.CaptureFixture[str], *records: dict[str, Any]) -> str:
    follow(Console(), Desk(*records), "churn", "churn-2-7")  # type: ignore[arg-type]
    return capsys.readouterr().err


def test_what_the_gates_said_is_not_said_again_as_the_reason(capsys) -> None:
    said = told(capsys, release())
    assert said.count(GATE["reason"]) == 1
    assert "every gate passed" in said
    assert GATE["reason"] not in release_line(release())


def test_a_reason_that_no_gate_gave_is_told(capsys) -> None:
    by_hand = release(reason="checked by hand")
    assert "checked by hand" in told(capsys, by_hand)
    assert "checked by hand" in release_line(by_hand)


def test_an_abort_tells_its_reason(capsys) -> None:
    said = told(capsys, release(phase="aborted", reason="p95 is over the limit"))
    assert "aborted    version 2: p95 is over the limit" in said


def test_another_release_that_began_meanwhile_ends_the_wait(capsys) -> None:
    assert told(capsys, release(release="churn-3-9")) == ""


def test_a_held_release_ends_the_wait_and_asks_for_a_person(capsys) -> None:
    held = release(phase="held", over=False, reason="too few requests")
    assert "a person must decide" in told(capsys, held)
