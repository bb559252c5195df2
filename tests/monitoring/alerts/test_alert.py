"""Which facts may follow in the life of an alert."""

import pytest

from seatrial.monitoring.alerts.alert import KINDS, TRANSITIONS, Alert, apply
from seatrial.monitoring.alerts.facts import UnknownFact
from seatrial.monitoring.alerts.finding import Labels

LABELS = Labels(endpoint="churn", kind="input_drift", feature="income")


def test_a_fact_that_cannot_follow_is_refused():
    with pytest.raises(UnknownFact, match="cannot follow"):
        apply(Alert(labels=LABELS), "alert.fired", {})
    with pytest.raises(UnknownFact):
        apply(Alert(labels=LABELS), "alert.invented", {})


def test_every_kind_of_fact_is_reached_by_the_table():
    assert len(KINDS) == 12
    assert {kind for _, kind in TRANSITIONS} == set(KINDS)
