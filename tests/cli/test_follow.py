"""Following a release to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.cli import follow as module
from seatrial.cli.follow import ReleaseBlocked, canary_of, follow
from seatrial.cli.output import Console
from seatrial.cli.show import release_line

RELEASE: dict[str, Any] = {
    "release": "churn-2-9",
    "version": 2,
    "phase": "staging",
    "way": [],
    "over": False,
    "share": None,
    "watch_s": None,
    "watched_s": 0.0,
    "reason": "",
    "waiting_for": "",
    "evidence": None,
    "staging": None,
    "rolled_back": False,
}


class Scripted:
    """A desk whose release moves on at every look."""

    def __init__(self, *releases: dict[str, Any] | None) -> None:
        self._releases: Iterator[dict[str, Any] | None] = iter(releases)

    def view(self, name: str) -> dict[str, Any]:
        now = next(self._releases)
        blocked = (now or {}).get("blocked")
        return {
            "name": name,
            "release": None if now is None else {**RELEASE, **now},
            "blocked": blocked,
            "stable": 2,
            "n_workers": (now or {}).get("n_workers", 1),
            "n_workers_up_to_date": (now or {}).get("n_up_to_date", 1),
        }


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "sleep", lambda _: None)


def run(*releases: dict[str, Any] | None, **options: Any) -> dict[str, Any]:
    desk: Any = Scripted(*releases)
    return follow(Console(), desk, "churn", "churn-2-9", **options)


STAGED = {"staging": {"passed": True, "reason": "8 tests passed"}}
CANARY = {**STAGED, "phase": "canary", "share": 0.05, "watch_s": 60.0}


def test_each_step_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    record = run({}, {}, CANARY, CANARY, {**STAGED, "phase": "promoted", "over": True})
    lines = capsys.readouterr().err.splitlines()
    assert record["release"]["phase"] == "promoted"
    assert [line.split()[1] for line in lines] == ["staging", "staging", "canary", "promoted"]
    assert "8 tests passed" in lines[1]


def test_a_release_that_is_held_is_left_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    record = run(CANARY, {**CANARY, "phase": "held", "reason": "too few requests"})
    assert record["release"]["phase"] == "held"
    assert "too few requests; a person must decide" in capsys.readouterr().err


def test_another_release_ends_the_waiting() -> None:
    record = run(CANARY, {**CANARY, "release": "churn-3-20"})
    assert record["release"]["release"] == "churn-3-20"
    assert run(CANARY, None)["release"] is None


def test_the_controller_of_the_command_is_turned_before_every_look() -> None:
    ticks: list[int] = []
    run({}, {}, {"phase": "rejected", "over": True}, tick=lambda: ticks.append(1))
    assert len(ticks) == 3


def test_the_gates_are_said_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    evidence = {"verdicts": [{"outcome": "fail", "reason": "error rate 5 %", "n": 10}]}
    run({**CANARY, "phase": "aborted", "over": True, "evidence": evidence, "reason": "so bad"})
    err = capsys.readouterr().err
    assert "fail         error rate 5 %" in err
    assert "version 2: so bad" in err


GATE = {"outcome": "pass", "reason": "p95 2 ms is under the limit 100 ms", "n": 3_600}
PROMOTED = {
    **CANARY,
    "phase": "promoted",
    "over": True,
    "share": None,
    "reason": GATE["reason"],
    "evidence": {"outcome": "pass", "reason": GATE["reason"], "verdicts": [GATE]},
}


def test_promoted_is_said_only_once_the_workers_serve_the_version(
    capsys: pytest.CaptureFixture[str],
) -> None:
    behind = {**PROMOTED, "n_workers": 2, "n_up_to_date": 1}
    run(behind, behind, {**PROMOTED, "n_workers": 2, "n_up_to_date": 2})
    lines = capsys.readouterr().err.splitlines()
    said = [line.split()[1] for line in lines]
    assert said.index("loading") < said.index("promoted")
    assert "1 of 2 workers serve version 2" in lines[said.index("loading")]
    assert "serving" not in said


def test_a_version_that_is_not_loaded_in_time_is_said_to_be_loading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOAD_S", 0.0)
    run({**PROMOTED, "n_workers": 2, "n_up_to_date": 1})
    err = capsys.readouterr().err
    assert "1 of 2 workers serve version 2; loading goes on" in err


def test_a_version_that_no_server_serves_is_said_to_wait_for_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run({**PROMOTED, "n_workers": 0, "n_up_to_date": 0})
    assert "no server runs on this store: start one: seatrial up" in capsys.readouterr().err


def test_what_the_gates_said_is_not_said_again_as_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(PROMOTED)
    said = capsys.readouterr().err
    assert said.count(str(GATE["reason"])) == 1
    assert "every gate passed" in said
    assert GATE["reason"] not in release_line({**RELEASE, **PROMOTED})


def test_a_reason_that_no_gate_gave_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    by_hand = {**PROMOTED, "reason": "checked by hand"}
    run(by_hand)
    assert "checked by hand" in capsys.readouterr().err
    assert "checked by hand" in release_line({**RELEASE, **by_hand})


def test_a_version_without_a_canary_is_said_to_have_had_none() -> None:
    said = "canary skipped, nothing to compare with"
    way = [{"phase": "canary", "left": "skipped"}, {"phase": "promoted", "left": "now"}]
    assert said in release_line({**RELEASE, **PROMOTED, "way": way})
    assert said not in release_line({**RELEASE, **PROMOTED})


def test_a_release_whose_facts_cannot_be_read_is_not_followed_for_ever() -> None:
    stuck = {"problem": "It is stuck.", "remedy": "Look.", "lasts": False}
    unread = {"problem": "A fact is new.", "remedy": "Upgrade.", "lasts": True}
    desk: Any = Scripted(
        {"phase": "canary", "blocked": stuck}, {"phase": "canary", "blocked": unread}
    )
    with pytest.raises(ReleaseBlocked, match="A fact is new"):
        follow(Console(quiet=True), desk, "churn", "churn-2-9")


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (None, None),
        ({"phase": "staging"}, None),
        (
            {
                "phase": "canary",
                "share": 0.05,
                "watched_s": 10.0,
                "watch_s": 20.0,
                "evidence": {"verdicts": [{"n": 74}], "n_needed": 2600, "outcome": "inconclusive"},
            },
            "5 %, 10 s of 20 s, 74 requests, about 2,600 more needed: inconclusive",
        ),
    ],
)
def test_who_waits_for_a_canary_elsewhere_is_told_how_it_stands(
    release: dict[str, Any] | None, expected: str | None
) -> None:
    class Desk:
        def names(self) -> list[str]:
            return ["wine"]

        def view(self, name: str) -> dict[str, Any]:
            return {"release": release}

    desk: Any = Desk()
    assert canary_of(desk, "wine") == expected
    assert canary_of(desk, "beer") is None
