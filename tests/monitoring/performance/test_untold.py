"""What is still to be told: in rounds, and in a form that outlives the process."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seatrial.monitoring.alerts.finding import Finding, Labels, Level, Phrase
from seatrial.monitoring.performance.untold import (
    Told,
    UntoldUnreadable,
    decode,
    encode,
    rounds_of,
)
from seatrial.monitoring.triggers.rule import Evidence, Measured, Window

NOW = datetime(2030, 1, 1, tzinfo=UTC)
C, W, K = Level.CLEAR, Level.WARNING, Level.CRITICAL


def found(kind: str, level: Level, what: str = "") -> Finding:
    labels = Labels(endpoint="churn", kind=kind, version=1)
    return Finding(labels=labels, level=level, what=Phrase(what), evidence={"rows": 7}, since=NOW)


WINDOW = Window(
    version=1,
    end=NOW,
    index=4,
    performance={"accuracy": Measured(value=0.8, low=0.7, evidence=Evidence.CONFIRMED)},
)


def levels(rounds: tuple[Told, ...]) -> list[list[tuple[str, Level]]]:
    return [[(f.labels.kind, f.level) for f in one.findings] for one in rounds]


def test_a_round_has_one_finding_of_a_kind_and_the_newest_come_last_together() -> None:
    told = Told(findings=(*(found("a", x) for x in (C, C, W, K, K, C)), found("b", W)))
    rounds = rounds_of(told)
    assert levels(rounds) == [[("a", C)], [("a", W)], [("a", K)], [("a", C), ("b", W)]]


def test_of_neighbours_of_one_level_the_newest_stands_for_all() -> None:
    (one,) = rounds_of(Told(findings=(found("a", W, "old"), found("a", W, "new"))))
    assert [f.what.en for f in one.findings] == ["new"]


def test_windows_go_with_the_last_round_also_alone() -> None:
    rounds = rounds_of(Told(findings=(found("a", W), found("a", C)), windows=(WINDOW,)))
    assert [one.windows for one in rounds] == [(), (WINDOW,)]
    assert rounds_of(Told(windows=(WINDOW,))) == (Told(windows=(WINDOW,)),)
    assert rounds_of(Told()) == ()


def test_what_is_kept_is_read_back() -> None:
    rounds = rounds_of(Told(findings=(found("a", W, "模型"), found("b", C)), windows=(WINDOW,)))
    assert decode(encode(rounds)) == rounds
    assert (encode(()), decode("")) == ("", ())


SAVED_BY_SCHEMA_1 = (
    '{"schema":1,"rounds":[{"findings":[{"labels":{"endpoint":"churn","kind":"performance",'
    '"version":1},"level":"warning","content":{"what":{"en":"worse","zh":""},"sure":{"en":"",'
    '"zh":""},"since":null,"features":[],"segments":[],"steps":[],"evidence":{}}}],'
    '"windows":[{"version":1,"end":"2030-01-01T00:00:00+00:00","index":3,'
    '"performance":{"accuracy":[0.8,null,null,"labels"]}}]}]}'
)


def test_what_an_earlier_process_kept_can_be_told() -> None:
    (one,) = decode(SAVED_BY_SCHEMA_1)
    assert (one.findings[0].what.en, one.windows[0].index) == ("worse", 3)
    assert one.windows[0].performance["accuracy"].evidence is Evidence.LABELS


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema":2,"rounds":[]}', SAVED_BY_SCHEMA_1[:-9], '{"schema":1}']
)
def test_what_cannot_be_read_is_not_guessed(text: str) -> None:
    with pytest.raises(UntoldUnreadable, match="cannot be read"):
        decode(text)
