"""`seatrial experiment plan`: how many units an experiment needs, and how many days."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.experiment_design import EffectType, design_option, read_design, simple_design
from seatrial.cli.options import NumberType, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.design import Experiment, Role
from seatrial.experiments.plan import Plan, plan
from seatrial.experiments.words import size
from seatrial.wiring.workspace import open_workspace

_ROLES = {Role.PRIMARY: "decides", Role.GUARDRAIL: "guards", Role.SECONDARY: "explains"}


@click.command("plan")
@design_option
@click.option("--baseline", type=NumberType(), help="The metric today: a share, or a mean.")
@click.option(
    "--deviation",
    type=NumberType(min=0),
    help="Standard deviation of the metric among units; with it, it is a mean.",
)
@click.option(
    "--effect",
    type=EffectType(),
    help="The smallest change that matters: 0.01 in the metric's unit, or 5% of the baseline.",
)
@click.option(
    "--variants", type=click.IntRange(2, 50), default=2, show_default=True, help="With the control."
)
@click.option("--alpha", type=NumberType(0, 0.5, min_open=True), default=0.05, show_default=True)
@click.option("--power", type=NumberType(0, 1, min_open=True), default=0.8, show_default=True)
@click.option(
    "--early-part",
    type=NumberType(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Part of alpha for decisions before the horizon.",
)
@click.option(
    "--explained",
    type=NumberType(0, 1, max_open=True),
    default=0.0,
    help="Share of the variance that a covariate explains.",
)
@click.option("--per-day", type=NumberType(min=0, min_open=True), help="New units a day.")
@click.option("--endpoint", help="Take the traffic of this endpoint, as it was lately.")
@click.option(
    "--requests-per-unit",
    type=NumberType(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="Requests of an endpoint that a unit makes.",
)
@workspace_options
@json_option
def plan_command(
    design: Path | None,
    baseline: float | None,
    deviation: float | None,
    effect: tuple[float, bool] | None,
    variants: int,
    alpha: float,
    power: float,
    early_part: float,
    explained: float,
    per_day: float | None,
    endpoint: str | None,
    requests_per_unit: float,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Say how many units an experiment needs, and how many days at a traffic.

    The figures of a design are those of its file; of the options, those of the traffic go with
    both. What a server recorded are requests: how many of them a unit makes is yours to say.
    """
    console = Console(as_json=as_json)
    if endpoint is not None and per_day is not None:
        raise click.UsageError("Give --endpoint or --per-day, not both.")
    if design is not None:
        file = read_design(design)
    else:
        size_, is_relative = effect if effect is not None else (0.0, False)
        if baseline is None or effect is None:
            raise click.UsageError("Give --design, or both --baseline and --effect.")
        file = simple_design(
            {"kind": "share" if deviation is None else "mean", "name": "metric"}
            | {"effect": size_ * abs(baseline) if is_relative else size_}
            | {"baseline": {"mean": baseline, "deviation": deviation, "explained": explained}},
            {f"variant {i}" if i else "control": 1.0 for i in range(variants)},
            alpha=alpha,
            power=power,
            early_part=early_part,
        )
    if endpoint is not None:
        found = _requests_per_day(endpoint, home, config)
        console.say(f"{endpoint}: {found:,.0f} requests a day, as lately")
        per_day = found / requests_per_unit
    planned = plan(file.design(), file.baselines(), units_per_day=per_day)
    _show_plan(console, file, planned)
    console.result(_plan_record(file, planned))
    return Exit.DONE


def _requests_per_day(endpoint: str, home: Path | None, config: Path | None) -> float:
    from seatrial.wiring.experiments import requests_per_day

    store = open_workspace(home=home, config=config).open_store()
    try:
        return requests_per_day(store, endpoint)
    finally:
        store.close()


def _show_plan(console: Console, file: ExperimentFile, planned: Plan) -> None:
    design = file.design()
    unit = f"{design.unit.value}s"
    console.say(click.style(f"{design.name}: {planned.units:,} {unit}", bold=True))
    for name, units in planned.by_variant.items():
        console.say(f"  {name}: {units:,}")
    for need in planned.needs:
        role = next(one.role for one in design.metrics if one.name == need.metric)
        said_ = f"{need.metric} {_ROLES[role]} and takes {need.units:,}"
        console.say(f"  {said_}, at alpha {need.alpha:.3g}")
    if planned.days is not None:
        days = f"{planned.days} days" if planned.days > 1 else "one day"
        console.say(f"  at this traffic: {days}")
    for within in planned.within:
        if within.effect is not None:
            change = size(design.primary, within.effect)
            weeks = f"{within.weeks} weeks" if within.weeks > 1 else "one week"
            console.say(f"    {weeks}, {within.units:,} {unit}: finds {change}")
    _show_horizon(console, design, planned)


def _show_horizon(console: Console, design: Experiment, planned: Plan) -> None:
    """Whether the horizon of the design has room for the plan."""
    there = planned.at_horizon
    unit = f"{design.unit.value}s"
    if there is None:
        if design.horizon.days is not None:
            said_ = "whether its days suffice depends on the traffic: say --per-day or --endpoint"
            console.step("note", "horizon", said_)
    elif there.n_missing:
        enough = "too few for any change"
        if there.effect is not None:
            enough = f"enough for a change of {size(design.primary, there.effect)}"
        text = f"too short: {there.units:,} of {planned.units:,} {unit}, {enough}"
        remedy = f"say horizon.units: {planned.units}, or a larger effect"
        console.step("bad", "horizon", f"{text}; {remedy}")


def _plan_record(file: ExperimentFile, planned: Plan) -> dict[str, Any]:
    return {
        "experiment": file.experiment,
        "units": planned.units,
        "by_variant": dict(planned.by_variant),
        "days": planned.days,
        "metrics": [
            {"metric": need.metric, "units": need.units, "alpha": need.alpha}
            for need in planned.needs
        ],
        "within": [
            {"weeks": one.weeks, "units": one.units, "effect": one.effect} for one in planned.within
        ],
        "horizon": None if planned.at_horizon is None else asdict(planned.at_horizon),
    }
