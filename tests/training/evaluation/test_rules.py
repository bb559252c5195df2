"""Margins, guardrails, and the section of the configuration that makes them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from seatrial.training.evaluation.config import EvaluationConfig
from seatrial.training.evaluation.metrics import usual_margin
from seatrial.training.evaluation.rules import Guardrail, Margin, Rules, RulesInvalid


@pytest.mark.parametrize(
    ("text", "margin", "of_a_half"),
    [("0.01", Margin(size=0.01), 0.01), ("2%", Margin(size=0.02, relative=True), 0.01)],
)
def test_a_margin_is_a_number_or_a_share_of_the_baseline(text, margin, of_a_half):
    assert Margin.parse(text) == margin
    assert margin.of(-0.5) == pytest.approx(of_a_half)
    assert Margin.parse(str(margin)) == margin


@pytest.mark.parametrize("text", ["", "-1", "few", "nan", "inf%", "1%%"])
def test_what_is_no_margin_is_refused(text):
    with pytest.raises(RulesInvalid, match="no margin"):
        Margin.parse(text)


def test_a_guardrail_names_metric_column_and_margin():
    assert Guardrail.parse("recall") == Guardrail(metric="recall")
    assert Guardrail.parse("auc:2%") == Guardrail(metric="auc", margin=Margin.parse("2%"))
    assert Guardrail.parse("auc@region:0.1") == Guardrail(
        metric="auc", margin=Margin(size=0.1), column="region"
    )


@pytest.mark.parametrize("text", ["", ":0.1", "@region", "auc@", "auc@:0.1"])
def test_what_is_no_guardrail_is_refused(text):
    with pytest.raises(RulesInvalid, match="no guardrail"):
        Guardrail.parse(text)


def test_rates_are_allowed_a_point_and_losses_a_twentieth():
    assert usual_margin("auc").of(0.9) == 0.01
    assert usual_margin("mae").of(40.0) == pytest.approx(2.0)


def test_the_default_configuration_is_the_default_rules():
    assert EvaluationConfig().rules() == Rules()


def test_the_configuration_is_read_into_rules():
    config = EvaluationConfig.model_validate(
        {
            "primary": "auc",
            "margin": 0.02,
            "guardrails": ["recall:0.05", "accuracy@region"],
            "max_latency_growth": None,
            "resamples": 200,
        }
    )
    rules = config.rules()
    assert (rules.primary, rules.margin) == ("auc", Margin(size=0.02))
    assert rules.guardrails == (
        Guardrail(metric="recall", margin=Margin(size=0.05)),
        Guardrail(metric="accuracy", column="region"),
    )
    assert (rules.max_latency_growth, rules.n_resamples) == (None, 200)


def test_no_guardrails_are_not_the_usual_ones():
    assert EvaluationConfig(guardrails=()).rules().guardrails == ()


@pytest.mark.parametrize(
    "wrong", [{"margin": "much"}, {"guardrails": ["auc@"]}, {"alpha": 1}, {"primry": "auc"}]
)
def test_what_cannot_be_followed_is_refused(wrong):
    with pytest.raises(ValidationError):
        EvaluationConfig.model_validate(wrong)
