"""The file of an experiment is the experiment."""

from __future__ import annotations

import pytest

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.design import Baseline, Role, Slots
from seatrial.kernel.config import ConfigInvalid, validated

FILE = {
    "experiment": "button",
    "variants": {"control": 2, "green": 1},
    "primary": {"name": "bought", "kind": "share", "effect": 0.01, "baseline": {"mean": 0.1}},
    "guardrails": [{"name": "seconds", "direction": "down", "margin": 3}],
    "secondary": [{"name": "ctr", "kind": "ratio", "denominator": "views"}],
    "window": "7d",
    "slots": {"group": "checkout", "start": 0, "end": 0.5},
}


def test_every_part_is_taken_over() -> None:
    file = validated(ExperimentFile, FILE, "a test")
    design = file.design()
    assert [variant.name for variant in design.variants] == ["control", "green"]
    assert [metric.role for metric in design.metrics] == [
        Role.PRIMARY,
        Role.GUARDRAIL,
        Role.SECONDARY,
    ]
    assert design.window_s == 7 * 86_400
    assert design.slots == Slots(group="checkout", start=0, end=0.5)
    assert file.baselines() == {"bought": Baseline(mean=0.1)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"variants": {"control": 1}}, "two or more"),
        ({"primary": {"name": "bought", "knd": "share"}}, "kind"),
        ({"secondary": [{"name": "ctr", "kind": "ratio"}]}, "denominator"),
        ({"guardrails": [{"name": "seconds"}]}, "margin"),
        ({"slots": {"group": "g", "start": 0.5, "end": 0.2}}, "smaller one first"),
        ({"secondary": [{"name": "bought"}]}, "each metric once"),
        *(
            (
                {"horizon": {"units": odd}},
                "no experiment comes to more than 1,000,000,000,000 units",
            )
            for odd in (1e20, 10**20, "1e20", "9" * 5_000, float("inf"))
        ),
        ({"horizon": {"units": 10**400}}, "less than or equal to 1000000000000"),
        ({"horizon": {"units": "many"}}, "valid integer"),
        ({"horizon": {"units": 2.5}}, "fractional"),
        ({"horizon": {"units": -1e20}}, "greater than or equal to 2"),
        ({"horizon": {"days": 1e20}}, "less than or equal to 3650"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigInvalid, match=says):
        validated(ExperimentFile, FILE | change, "a test")


@pytest.mark.parametrize("written", [10_000, 1e4, "1e4", "10000"])
def test_a_count_is_read_as_people_write_it(written: object) -> None:
    file = validated(ExperimentFile, FILE | {"horizon": {"units": written}}, "a test")
    assert file.design().horizon.units == 10_000
