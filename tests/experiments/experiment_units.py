"""Experiments and units that several tests share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from seatrial.experiments.design import (
    Direction,
    Experiment,
    Horizon,
    Kind,
    Metric,
    Role,
    Variant,
)
from seatrial.experiments.tally import Labelled, Units

SHARE = Metric(name="bought", kind=Kind.SHARE, role=Role.PRIMARY, effect=0.02)
LATENCY = Metric(name="latency_ms", role=Role.GUARDRAIL, direction=Direction.DOWN, margin=10.0)
REVENUE = Metric(name="revenue", covariate="before")
START = np.datetime64("2026-03-01T00:00:00")


def an_experiment(n_variants: int = 2, **more: Any) -> Experiment:
    names = ["control", *(f"variant-{i}" for i in range(1, n_variants))]
    values: dict[str, Any] = {
        "name": "button",
        "variants": tuple(Variant(name=name) for name in names),
        "metrics": (SHARE, LATENCY, REVENUE),
        "horizon": Horizon(units=8_000),
    }
    return Experiment(**(values | more))


def some_units(
    n: int = 10_000,
    *,
    seed: int = 1,
    n_variants: int = 2,
    lift: float = 0.0,
    slower: float = 0.0,
    days: int = 10,
) -> Units:
    """Units of 10 % buyers; variants beyond the control buy and wait by so much more."""
    rng = np.random.default_rng(seed)
    variant = rng.integers(0, n_variants, n)
    treated = variant > 0
    before = rng.exponential(10, n)
    return Units(
        variant=variant,
        values={
            "bought": (rng.random(n) < 0.1 + lift * treated).astype(np.float64),
            "latency_ms": rng.exponential(100, n) + slower * treated,
            "revenue": before + rng.exponential(5, n),
            "before": np.where(rng.random(n) < 0.2, np.nan, before),
        },
        at=START + np.sort(rng.integers(0, days * 86_400, n)).astype("timedelta64[s]"),
        segments={
            "country": Labelled(codes=rng.integers(-1, 2, n), values=("de", "fr")),
        },
    )


def part(units: Units, rows: Any) -> Units:
    return replace(
        units,
        variant=units.variant[rows],
        values={name: one[rows] for name, one in units.values.items()},
        at=None if units.at is None else units.at[rows],
        segments={
            name: Labelled(codes=one.codes[rows], values=one.values)
            for name, one in units.segments.items()
        },
    )
