"""Silences and matchers."""

from datetime import UTC, datetime, timedelta

import pytest

from seatrial.kernel.errors import Invalid
from seatrial.kernel.events import Draft, Fact
from seatrial.monitoring.alerts.alert import Alert
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Labels, Level
from seatrial.monitoring.alerts.silence import (
    BadMatcher,
    Matcher,
    Silence,
    UnknownSilence,
    add,
    end,
    fold,
    living,
)

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALERT = Alert(
    labels=Labels(endpoint="churn-eu", kind="input_drift", feature="income", version=3),
    severity=Level.WARNING,
)


def facts_of(drafts: list[Draft], first: int = 1) -> list[Fact]:
    return [
        Fact(
            seq=n,
            stream="silences",
            revision=n,
            kind=draft.kind,
            schema=draft.schema,
            data=draft.data,
            at=NOW,
            by=draft.by,
        )
        for n, draft in enumerate(drafts, first)
    ]


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        ({}, True),
        ({"endpoint": ("churn*",)}, True),
        ({"endpoint": ("loans", "churn-??")}, True),
        ({"endpoint": ("loans",)}, False),
        ({"version": ("3",), "severity": ("warning",)}, True),
        ({"severity": ("critical",)}, False),
        ({"segment": ("country=*",)}, False),
        ({"segment": ("*",)}, True),
    ],
)
def test_a_matcher_takes_patterns_by_label(patterns, fits):
    assert Matcher(patterns).fits(ALERT) is fits


def test_a_matcher_for_a_label_nobody_has_is_refused():
    with pytest.raises(BadMatcher, match=r"'team'.*Use one of"):
        Matcher({"team": ("a",)})


def test_a_silence_holds_from_its_begin_to_its_end():
    silence = Silence(id="1", matcher=Matcher(), since=NOW + HOUR, until=NOW + 2 * HOUR)
    held = [silence.holds(ALERT, NOW + h * HOUR) for h in (0, 1, 1.99, 2)]
    assert held == [False, True, True, False]


def test_a_silence_is_a_fact_and_can_be_ended():
    silence = Silence(
        id="1",
        matcher=Matcher({"kind": ("input_drift",)}),
        until=NOW + HOUR,
        by="ana",
        why="holiday",
    )
    facts = facts_of(add(silence, now=NOW))
    known = fold({}, facts)
    assert known == {"1": silence}
    assert "silenced by ana until 2030-01-01 01:00 UTC: holiday" in known["1"].reason
    ended = fold(known, facts_of(end(known, "1", by="bob", now=NOW), first=2))
    assert living(ended.values(), NOW) == []


def test_a_silence_that_is_over_already_is_refused():
    with pytest.raises(Invalid, match="which is past"):
        add(Silence(id="1", matcher=Matcher(), until=NOW), now=NOW)


def test_a_silence_without_a_zone_is_refused():
    with pytest.raises(Invalid, match="without a zone"):
        Silence(id="1", matcher=Matcher(), until=datetime(2030, 1, 1))  # noqa: DTZ001


def test_an_unknown_silence_cannot_be_ended():
    with pytest.raises(UnknownSilence, match="'7'"):
        end({}, "7", by="ana", now=NOW)


def test_a_fact_nobody_knows_is_refused():
    with pytest.raises(UnknownFact, match="schema 9"):
        fold({}, facts_of([Draft(kind="silence.added", schema=9)]))
