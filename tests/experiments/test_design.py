"""A design that cannot be run or judged is refused, with what to do."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from experiment_units import LATENCY, SHARE, an_experiment

from seatrial.experiments.design import (
    BadExperiment,
    Horizon,
    Kind,
    Metric,
    Role,
    Slots,
    Variant,
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"alpha": 0.5}, "alpha"),
        ({"power": 1.0}, "power"),
        ({"early_part": 1.0}, "early_part"),
        ({"traffic": 0.0}, "traffic"),
        ({"traffic": 1.1}, "traffic"),
        ({"window_s": 0.0}, "window_s"),
        ({"horizon": Horizon(units=0)}, "horizon.units"),
        ({"horizon": Horizon(days=math.inf)}, "horizon.days"),
        ({"slots": Slots(group="g", start=0.5, end=0.5)}, "slots"),
        ({"variants": (Variant(name="a"),)}, "variants"),
        ({"variants": (Variant(name="a"), Variant(name="a"))}, "variants"),
        ({"variants": (Variant(name="a"), Variant(name="b", share=0.0))}, "variants"),
        ({"metrics": (LATENCY,)}, "metrics"),
        ({"metrics": (SHARE, replace(SHARE, name="other"))}, "metrics"),
        ({"metrics": (SHARE, SHARE)}, "metrics"),
    ],
)
def test_what_cannot_be_judged_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadExperiment) as refused:
        an_experiment(**change)
    assert refused.value.facts["field"] == says


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"effect": 0.0}, "effect"),
        ({"effect": -1.0}, "effect"),
        ({"role": Role.GUARDRAIL}, "margin"),
        ({"margin": 1.0}, "margin"),
        ({"role": Role.GUARDRAIL, "margin": math.nan}, "margin"),
        ({"kind": Kind.RATIO}, "denominator"),
        ({"denominator": "views"}, "denominator"),
    ],
)
def test_a_metric_that_says_two_things_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(BadExperiment) as refused:
        Metric(name="m", **values)
    assert refused.value.facts["field"] == says


def test_alpha_is_spent_once() -> None:
    one = an_experiment(alpha=0.05, early_part=0.2)
    assert one.early_alpha + one.final_alpha == pytest.approx(0.05)
    open_ended = an_experiment(horizon=Horizon())
    assert open_ended.early_alpha == 0.05


def test_shares_add_up_to_one() -> None:
    one = an_experiment(variants=(Variant(name="a", share=3), Variant(name="b", share=1)))
    assert one.shares == (0.75, 0.25)


def test_shares_too_large_to_add_up_are_shares_all_the_same() -> None:
    huge = tuple(Variant(name=name, share=1e308) for name in ("a", "b"))
    assert an_experiment(variants=huge).shares == (0.5, 0.5)
