"""The model card: on a page, as Markdown, and as a record."""

from __future__ import annotations

import json
import string
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from seatrial.training.evaluation import card_words
from seatrial.training.evaluation.card import card_page
from seatrial.training.evaluation.card_content import outcome, reason
from seatrial.training.evaluation.card_markdown import card_markdown
from seatrial.training.evaluation.decision import Finding, Kind, Outcome
from seatrial.training.evaluation.record import evaluation_record
from seatrial.training.evaluation.rules import Guardrail, Rules


class Balanced(HTMLParser):
    """Every element is closed in the order it was opened."""

    VOID = frozenset({"meta", "rect", "line", "polyline"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Nothing stays open."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_whole_and_needs_nothing_else(better, language):
    text = card_page(better, language)
    parser = Balanced()
    parser.feed(text)
    assert not parser.open
    assert "<script" not in text
    assert "http" not in text
    assert "<svg" in text


def test_a_page_says_what_came_of_it_and_of_what(better):
    text = card_page(better)
    assert "Model card: new against old" in text
    assert reason(better) in text
    for said in ("region = north", "holdout.csv", "AUC", "Brier score", "age (float32)"):
        assert said in text


def test_both_languages_have_the_same_words():
    english, chinese = card_words.words("en"), card_words.words("zh")
    assert english.keys() == chinese.keys()
    for name, text in english.items():
        fields = {f for _, f, _, _ in string.Formatter().parse(text) if f}
        assert {f for _, f, _, _ in string.Formatter().parse(chinese[name]) if f} == fields


FACTS = {
    "metric": "auc",
    "new": 0.91234,
    "baseline": 0.9,
    "gain": 0.01234,
    "low": -0.001,
    "high": 0.02,
    "margin": 0.01,
    "n": 12_345,
    "least": 100,
    "value": "north",
    "column": "region",
    "constant": 0.5,
    "p_value": 0.00123,
    "n_new": 3,
    "n_baseline": 1,
    "why": None,
    "new_ms": 3.0,
    "baseline_ms": 1.0,
    "limit_ms": 2.0,
    "growth": 2.0,
    "limit": 5,
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", Kind)
def test_every_finding_has_its_words(kind, language):
    said = card_words.finding_said(Finding(kind=kind, outcome=Outcome.WORSE, facts=FACTS), language)
    assert said
    assert "{" not in said


def test_a_finding_tells_rows_in_whole_numbers_and_gains_with_a_sign():
    finding = Finding(
        kind=Kind.PRIMARY_UNCERTAIN, outcome=Outcome.CANNOT_TELL, facts=FACTS | {"n_needed": 20_000}
    )
    said = card_words.finding_said(finding, "en")
    assert "+0.0123 (-0.001 … +0.02)" in said
    assert said.endswith("About 20,000 rows would be needed to show that it is not worse.")


def test_tiny_chances_are_not_told_apart():
    assert (card_words.chance(0.0123), card_words.chance(1e-70)) == ("0.012", "< 0.0001")


def test_a_version_that_fails_says_why():
    facts = FACTS | {"why": "The model raised ValueError: log of 0"}
    finding = Finding(kind=Kind.UNANSWERED, outcome=Outcome.WORSE, facts=facts)
    assert "log of 0" in card_words.finding_said(finding, "zh")


def test_texts_of_others_are_no_markup(better, made):
    named = replace(better.versions["new"], name="<b>new</b> | *x*")
    found = replace(better, versions={**better.versions, "new": named})
    assert "<b>new" not in card_page(found)
    assert r"\<b\>new\</b\> \| \*x\*" in card_markdown(found)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_of_the_markdown_have_as_many_cells_in_every_row(better, language):
    text = card_markdown(better, language)
    assert text.startswith("# ")
    blocks = [b.splitlines() for b in text.split("\n\n") if b.startswith("|")]
    assert len(blocks) >= 6
    for lines in blocks:
        assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1


def test_the_record_is_json_and_holds_everything(better):
    found = json.loads(json.dumps(evaluation_record(better), allow_nan=False))
    assert found["outcome"] == "better"
    assert {m["metric"] for m in found["metrics"]} >= {"brier", "auc", "accuracy"}
    assert found["mcnemar"]["p_mid"] < 0.05
    assert found["segments"][0]["metrics"][0]["difference"]["interval"][1] < 0
    assert found["rules"]["guardrails"] == [{"metric": "accuracy", "margin": None, "column": None}]
    assert set(found["reason"]) == {"en", "zh"}


def test_what_is_not_defined_is_null_in_the_record_and_a_dash_on_the_page(made):
    rows = made.Rows(300, share=0.0)
    same = rows.classifier(0.8)
    found = made.run(
        rows.holdout(repeated=np.arange(300) < 10),
        same,
        same,
        rules=Rules(primary="auc", n_resamples=100, guardrails=(Guardrail(metric="accuracy"),)),
    )
    record = json.loads(json.dumps(evaluation_record(found), allow_nan=False))
    auc = next(m for m in record["metrics"] if m["metric"] == "auc")
    assert auc["difference"] == {
        "value": None,
        "interval": [None, None],
        "standard_error": None,
        "undefined_share": 1.0,
    }
    assert "–" in card_markdown(found)
    assert outcome(found, "zh") == "无法判断"


def test_a_regression_has_a_card_without_calibration(made, rows):
    from seatrial.registry.signature import Task
    from seatrial.training.evaluation.answers import Answers

    true = np.random.default_rng(0).normal(size=rows.n)
    answers = Answers(
        task=Task.REGRESSION, answered=np.ones(rows.n, bool), predicted=true * 0.9, values=true
    )
    found = made.run(rows.holdout(labels=true, values=true), answers, answers)
    assert "Calibration" not in card_page(found)
    assert "mean absolute error" in card_page(found)


def test_no_difference_has_no_minus() -> None:
    assert [card_words.signed(value) for value in (0.0, -0.0, -0.5)] == ["+0", "+0", "-0.5"]
