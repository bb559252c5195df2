"""A kept English reason is told in Chinese as it would have been at once."""

from __future__ import annotations

import pytest

from seatrial.training.evaluation.card_words import finding_said
from seatrial.training.evaluation.decision import Finding, Kind, Outcome
from seatrial.training.evaluation.retold import retold

FACTS: dict[str, object] = {
    "metric": "f1_macro",
    "new": 0.81234,
    "baseline": 0.79,
    "constant": 0.5,
    "gain": 0.0223,
    "low": -0.001,
    "high": float("nan"),
    "margin": 0.01,
    "n": 12_345,
    "n_new": 7,
    "n_baseline": 1_000,
    "least": 100,
    "limit": 1_000_000,
    "growth": 2.0,
    "p_value": 1e-9,
    "column": "city",
    "value": "New York",
    "new_ms": 12.5,
    "baseline_ms": 3.25,
    "limit_ms": 10.0,
}


def finding(kind: Kind, **more: object) -> Finding:
    return Finding(kind=kind, outcome=Outcome.WORSE, facts=FACTS | more)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "my cost, in euros"])
def test_every_finding_is_told_again(kind: Kind, metric: str) -> None:
    one = finding(kind, metric=metric)
    assert retold(finding_said(one, "en"), "zh") == finding_said(one, "zh")
    assert retold(finding_said(one, "en"), "en") == finding_said(one, "en")


def test_several_findings_and_what_follows_them_are_told_again() -> None:
    some = [
        finding(Kind.PRIMARY_UNCERTAIN, n_needed=5_000),
        finding(Kind.SEGMENT_WORSE, column="age", value="<= 30"),
        finding(Kind.UNANSWERED, why="Input is odd. It says: no."),
    ]
    english = " ".join(finding_said(one, "en") for one in some)
    assert retold(english, "zh") == "".join(finding_said(one, "zh") for one in some)


@pytest.mark.parametrize("text", ["", "I want it.", "accuracy is", "accuracy is x " * 5_000])
def test_what_is_no_reason_of_an_evaluation_is_left(text: str) -> None:
    assert retold(text, "zh") is None
