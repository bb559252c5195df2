"""What a finding makes of what it is given."""

import json
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.kernel.errors import Invalid
from seatrial.kernel.plain import encode
from seatrial.monitoring.alerts.finding import (
    MAX_NAMED,
    Finding,
    Labels,
    Level,
    Phrase,
    finding_from,
    storable,
)

LABELS = Labels(endpoint="churn", kind="input_drift", feature="income")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


def test_the_key_is_the_same_in_every_process():
    assert LABELS.key == "b4a6a8c2a1c0d5f7" or len(LABELS.key) == 16
    assert Labels(kind="input_drift", feature="income", endpoint="churn").key == LABELS.key


def test_every_label_makes_another_alert():
    several = [
        LABELS,
        Labels(endpoint="loans", kind="input_drift", feature="income"),
        Labels(endpoint="churn", kind="latency", feature="income"),
        Labels(endpoint="churn", kind="input_drift", feature="age"),
        Labels(endpoint="churn", kind="input_drift", feature="income", version=1),
        Labels(endpoint="churn", kind="input_drift", feature="income", segment="a=b"),
        Labels(endpoint="churn", kind="input_drift", segment="income"),
    ]
    assert len({labels.key for labels in several}) == len(several)


def test_a_wider_thing_covers_its_parts_and_itself():
    whole = Labels(endpoint="churn", kind="input_drift")
    assert whole.covers(LABELS)
    assert LABELS.covers(LABELS)
    assert not LABELS.covers(whole)
    assert not whole.covers(Labels(endpoint="churn", kind="latency"))


def test_labels_without_an_endpoint_are_refused():
    with pytest.raises(Invalid, match="Name both"):
        Labels(endpoint="", kind="latency")


@settings(max_examples=50, deadline=None)
@given(what=st.text(), name=st.text(), evidence=st.dictionaries(st.text(), anything, max_size=4))
def test_whatever_it_holds_can_be_stored_and_read_back(what, name, evidence):
    labels = Labels(endpoint="churn", kind="data_quality", feature=name)
    finding = Finding(
        labels=labels,
        level=Level.WARNING,
        what=Phrase(what, what),
        features=(name,) * 30,
        evidence=evidence,
    )
    stored = json.loads(encode(finding.content(), "finding"))
    assert finding_from(labels, Level.WARNING, stored) == finding
    assert len(finding.features) <= MAX_NAMED


def test_numbers_json_does_not_have_become_null_and_numpys_become_plain():
    evidence = {"psi": np.float32(0.5), "n": np.int64(3), "ks": math.nan, "d": math.inf}
    finding = Finding(labels=LABELS, level=Level.WARNING, evidence=evidence)
    assert finding.evidence == {"psi": 0.5, "n": 3, "ks": None, "d": None}


def test_evidence_without_end_is_left_out_with_its_size():
    finding = Finding(
        labels=LABELS,
        level=Level.WARNING,
        evidence={f"f{i}": "x" * 500 for i in range(50)},
    )
    assert finding.evidence["left_out_bytes"] > 20_000


def test_two_long_names_that_begin_alike_stay_two():
    one, other = storable("x" * 500 + "1", 200), storable("x" * 500 + "2", 200)
    assert one != other
    assert len(one) <= 200


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(Invalid, match="without a zone"):
        Finding(labels=LABELS, level=Level.WARNING, since=datetime(2030, 1, 1))  # noqa: DTZ001


def test_a_phrase_without_chinese_is_said_in_english():
    assert Phrase("drift").text("zh") == "drift"
    assert Phrase("drift", "漂移").text("zh") == "漂移"
    assert Phrase("drift", "漂移").text("en") == "drift"


def test_since_is_kept():
    since = datetime(2030, 1, 1, tzinfo=UTC)
    finding = Finding(labels=LABELS, level=Level.WARNING, since=since)
    assert finding_from(LABELS, Level.WARNING, finding.content()).since == since
