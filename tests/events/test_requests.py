"""What events from outside ask for."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.events.envelope import CloudEvent
from seatrial.events.requests import (
    DATA,
    LABELS,
    REGISTRY,
    RETRAINING,
    TYPES,
    DataInvalid,
    LabelsArrived,
    RegistryChanged,
    RetrainingDemanded,
    TypeUnknown,
    read_request,
)


def asked(kind, data):
    return read_request(CloudEvent(id="1", source="/s", type=kind, subject="", data=data))


def test_labels_are_written_as_everywhere():
    labels = [
        {"id": "a/0", "label": 1},
        {"id": "b", "label": "yes"},
        {"id": "c", "label": None},
        {"id": "d", "label": 2.0},
        {"id": "e", "label": [1.5, 2]},
    ]
    found = asked(LABELS, {"endpoint": "churn", "labels": labels})
    assert found == LabelsArrived(
        endpoint="churn",
        labels=(("a/0", "1"), ("b", "yes"), ("c", ""), ("d", "2"), ("e", "1.5, 2")),
    )


def test_new_data_and_demands_name_a_retraining():
    assert asked(DATA, {"retraining": "churn", "n_rows": 5}) == RetrainingDemanded(
        retraining="churn", new_data=True, reason="", n_rows=5
    )
    assert asked(RETRAINING, {"retraining": "churn", "reason": "prices"}) == RetrainingDemanded(
        retraining="churn", new_data=False, reason="prices"
    )


def test_a_registry_says_what_it_likes_beside():
    assert asked(REGISTRY, {"name": "churn", "version": "7"}) == RegistryChanged()


def test_other_types_are_named_with_those_there_are():
    with pytest.raises(TypeUnknown, match=r"'seatrial\.lables") as caught:
        asked("seatrial.lables", {})
    assert all(kind in caught.value.remedy for kind in TYPES)


@pytest.mark.parametrize(
    ("kind", "data", "field"),
    [
        (LABELS, {}, "labels"),
        (LABELS, {"endpoint": "m", "labels": []}, "labels"),
        (LABELS, {"endpoint": "m", "labels": {"id": "a", "label": 1}}, "labels"),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a"}]}, r"labels\[0\]"),
        (LABELS, {"endpoint": "m", "labels": [{"id": 7, "label": 1}]}, r"labels\[0\].id"),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": {}}]}, r"labels\[0\].label"),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": ["x"]}]}, "label"),
        (LABELS, {"endpoint": 5, "labels": [{"id": "a", "label": 1}]}, "endpoint"),
        (LABELS, {"endpoint": "m", "labels": [], "more": 1}, "more"),
        (LABELS, {"endpoint": "m", "labels": [{"id": "a", "label": 1}] * 200_001}, "200,000"),
        (DATA, {"retraining": "m", "n_rows": -1}, "n_rows"),
        (DATA, {"retraining": "m", "n_rows": True}, "n_rows"),
        (DATA, {"retraining": "m", "n_rows": "5"}, "n_rows"),
        (RETRAINING, {"retraining": ""}, "retraining"),
        (RETRAINING, {"retraining": "m", "reason": "x" * 1001}, "reason"),
        (RETRAINING, {"retraining": "m", "n_rows": 5}, "n_rows"),
    ],
)
def test_wrong_data_names_the_field(kind, data, field):
    with pytest.raises(DataInvalid, match=field):
        asked(kind, data)


_ANY = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.none())
_ODD = st.dictionaries(st.sampled_from(["endpoint", "labels", "retraining", "odd"]), _ANY)


@settings(max_examples=40)
@given(st.sampled_from([LABELS, DATA, RETRAINING]), _ODD)
def test_odd_data_is_refused_and_nothing_else_happens(kind, data):
    with suppress(DataInvalid):
        assert isinstance(asked(kind, data), RetrainingDemanded)
