import json

import pytest

from seatrial.rag.groundedness.profile import (
    SIGNALS,
    VETOES,
    ProfileInvalid,
    ProfileUnknown,
    profile,
    profile_of,
)

PERFECT = {name: 1.0 if signal.sign > 0 else 0.0 for name, signal in SIGNALS.items()}
PERFECT["missing"] = -1.2  # log of 0.3: nothing is missing
SHIPPED = ("answers", "general", "web_claims")


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_says_what_it_was_learnt_from_and_how_well(name):
    found = profile(name)
    assert found.fitted_on
    assert found.n > 300
    assert found.figures is not None
    estimate, low, high = found.figures.auc
    assert 0.7 < low <= estimate <= high < 1
    for signal, weight in found.weights.items():
        assert weight * SIGNALS[signal].sign >= 0


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("veto", VETOES)
def test_nothing_outweighs_a_contradiction(name, veto):
    found = profile(name)
    assert found.score(PERFECT) > found.threshold
    assert found.score(PERFECT | {veto: 1.0}, entailed=1.0) < found.threshold


def test_it_survives_being_stored():
    found = profile("general")
    assert profile_of(json.loads(json.dumps(found.as_dict()))) == found


def test_an_unknown_name_is_told_with_those_there_are():
    with pytest.raises(ProfileUnknown, match="answers, general, web_claims"):
        profile("summaries")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weights": {"tone": 1.0}}, "tone"),
        ({"weights": {"cover": "much"}}, "much"),
        ({"weights": {"cover": float("nan")}}, "nan"),
        ({"threshold": 2}, "2"),
        ({"intercept": True}, "True"),
        ({"figures": {"auc": [1], "balanced_accuracy": [1]}}, "estimate"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_value(change, word):
    with pytest.raises(ProfileInvalid, match=word):
        profile_of(profile().as_dict() | change)


@pytest.mark.parametrize("written", [None, [], "x", {}, {"name": "a"}])
def test_anything_else_is_no_profile(written):
    with pytest.raises(ProfileInvalid):
        profile_of(written)
