"""`seatrial experiment`: plan an A/B test, and judge what came of one."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.experiment_live import PREFIX, outcomes, start, status, stop, widen
from seatrial.cli.options import NAMES, NumberType, json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.cli.page_file import write_output
from seatrial.experiments.config import MAX_UNITS, ExperimentFile
from seatrial.experiments.design import Experiment, Kind, Role
from seatrial.experiments.judge import judge
from seatrial.experiments.plan import Plan, plan
from seatrial.experiments.report import (
    FILES,
    experiment_page,
    headline,
    judgement_record,
    lines,
    state_said,
)
from seatrial.experiments.verdicts import Judgement, Outcome
from seatrial.experiments.words import said, size
from seatrial.kernel.config import load, validated
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.watching.data_config import DataConfig, without_password
from seatrial.wiring.workspace import open_workspace

_EXITS = {
    Outcome.SHIP: Exit.DONE,
    Outcome.DO_NOT_SHIP: Exit.GATE_FAILED,
    Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
}
_ROLES = {Role.PRIMARY: "decides", Role.GUARDRAIL: "guards", Role.SECONDARY: "explains"}
_TOLD = 12
"""Problems of the data that are told at most."""


class _EffectType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A change in the metric's unit, or in percent of what it is today."""

    name = "change"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, bool]:
        """See `click.ParamType`.   Returns: its size, and whether that is relative."""
        if isinstance(value, tuple):
            return value
        text = str(value).strip()
        number = NumberType(min=0, min_open=True).convert(text.removesuffix("%"), param, ctx)
        relative = text.endswith("%")
        return (number / 100 if relative else number), relative


_design_option = click.option(
    "--design",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file experiment.yaml; without it, the options describe a simple experiment.",
)


@click.group()
def experiment() -> None:
    """A/B tests: how long one takes, run one on an endpoint, and what came of it."""


for _command in (start, status, widen, stop, outcomes):
    experiment.add_command(_command)


@experiment.command("plan")
@_design_option
@click.option("--baseline", type=NumberType(), help="The metric today: a share, or a mean.")
@click.option(
    "--deviation",
    type=NumberType(min=0),
    help="Standard deviation of the metric among units; with it, it is a mean.",
)
@click.option(
    "--effect",
    type=_EffectType(),
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
        file = _read(design)
    else:
        size_, is_relative = effect if effect is not None else (0.0, False)
        if baseline is None or effect is None:
            raise click.UsageError("Give --design, or both --baseline and --effect.")
        file = _simple(
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


@experiment.command()
@click.argument("file")
@_design_option
@click.option("--primary", help="Column of the metric that decides.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in Kind]),
    default=Kind.MEAN.value,
    show_default=True,
    help="What it is made of.",
)
@click.option("--over", help="Column that a ratio is over.")
@click.option(
    "--effect",
    type=_EffectType(),
    help="The smallest change that matters, 0.01 or 5%: a smaller one is found too small.",
)
@click.option("--less-is-better", is_flag=True, help="The metric is to fall.")
@click.option("--control", default="control", show_default=True, help="Name of the control.")
@click.option("--variant", help="Column of the variant.  [default: variant]")
@click.option("--covariate", help="Column from before the experiment that predicts the metric.")
@click.option("--time", "time_column", help="Column of the time a unit met its variant first.")
@click.option("--unit", help="Column of the unit's key, to find those of two variants.")
@click.option(
    "--segments", type=NAMES, default=(), help="Columns whose values are looked at apart."
)
@click.option(
    "--horizon",
    type=click.IntRange(2, MAX_UNITS),
    help="Units at which it was to end, as said before it began; without, it is read by what holds "
    "at any look.",
)
@click.option("--hourly", is_flag=True, help="Look at every hour, and not at every day.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page that needs nothing else, to look at or to mail.",
)
@click.option("--language", type=click.Choice(list(FILES)), default="en", help="Of that page.")
@json_option
def analyze(
    file: str,
    design: Path | None,
    primary: str | None,
    kind: str,
    over: str | None,
    effect: tuple[float, bool] | None,
    less_is_better: bool,
    control: str,
    variant: str | None,
    covariate: str | None,
    time_column: str | None,
    unit: str | None,
    segments: tuple[str, ...],
    horizon: int | None,
    hourly: bool,
    report: Path | None,
    language: str,
    as_json: bool,
) -> int:
    """Judge the experiment whose units are in FILE: CSV, Parquet, or a table of a database.

    One row for each unit: its variant, a column for each metric (0 or 1 for a share), and where
    they are there a covariate, segments, the time of its first exposure. Exit code 0: ship; 3: do
    not ship; 4: not decided.
    """
    from seatrial.wiring.experiment_rows import counted, variants_in

    console = Console(as_json=as_json)
    data = validated(DataConfig, {"source": file}, "the command line")
    columns = {"variant": variant, "time": time_column, "unit": unit, "segments": segments}
    given = {name: one for name, one in columns.items() if one}
    if design is not None:
        described = _read(design)
        roles = described.columns.model_copy(update=given)
    elif primary is None:
        raise click.UsageError("Give --design, or --primary and what it is.")
    else:
        names = variants_in(data, variant or "variant", folder=Path.cwd())
        described = _simple(
            {"name": primary, "kind": kind, "denominator": over, "covariate": covariate}
            | {"direction": "down" if less_is_better else "up", "effect": _amount(effect)},
            _control_first(names, control),
            experiment=without_password(file).rpartition("/")[2],
            horizon={"units": horizon},
            columns=given,
        )
        roles = described.columns
    found = counted(
        described.design(), data, roles, folder=Path.cwd(), slice_s=3_600 if hourly else 86_400
    )
    judgement = judge(described.design(), found.tally)
    _show(console, judgement, [problem.message for problem in found.problems])
    if report is not None:
        page = experiment_page(judgement, language, languages={language: report.name})
        write_output(report, page, option="--report")
        console.say(f"  page: {report}")
    console.result(judgement_record(judgement))
    return _EXITS[judgement.outcome]


def _requests_per_day(endpoint: str, home: Path | None, config: Path | None) -> float:
    from seatrial.wiring.experiments import requests_per_day

    store = open_workspace(home=home, config=config).open_store()
    try:
        return requests_per_day(store, endpoint)
    finally:
        store.close()


def _read(design: Path) -> ExperimentFile:
    return load(design, ExperimentFile, os.environ, prefix=PREFIX)


def _simple(
    primary: dict[str, Any],
    variants: dict[str, float],
    *,
    experiment: str = "experiment",
    **more: Any,
) -> ExperimentFile:
    values = {"experiment": experiment, "variants": variants, "primary": primary, **more}
    return validated(ExperimentFile, values, "the command line")


def _amount(effect: tuple[float, bool] | None) -> float | str | None:
    """An effect of the command line as a file has it."""
    if effect is None:
        return None
    size_, is_relative = effect
    return f"{100 * size_:.12g}%" if is_relative else size_


def _control_first(names: tuple[str, ...], control: str) -> dict[str, float]:
    """Equal shares, the control first."""
    if control not in names:
        known = ", ".join(repr(name) for name in names[:12]) or "none"
        raise Invalid(
            f"No unit has the variant {control!r}; there are {known}.",
            remedy="Name the control with --control, and the column of variants with --variant.",
            field="control",
        )
    return dict.fromkeys((control, *(name for name in names if name != control)), 1.0)


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


def _show(console: Console, judgement: Judgement, problems: list[str]) -> None:
    console.say(click.style(f"{headline(judgement)}.", bold=True))
    console.say(f"  {said(judgement, judgement.reason)}")
    console.say(f"  {state_said(judgement)}")
    console.say()
    for line in lines(judgement):
        console.say(f"  {line}")
    for one in judgement.verdicts if len(judgement.verdicts) > 1 else ():
        console.say(f"  {one.variant}: {said(judgement, one.reason)}")
    split = judgement.mismatch
    counts = ", ".join(
        f"{variant.name} {n:,}"
        for variant, n in zip(judgement.experiment.variants, split.counts, strict=True)
    )
    console.say(f"  split: {counts} (p = {split.p_value:.2g})")
    if judgement.n_crossed:
        console.say(f"  left out: {judgement.n_crossed:,} that met two variants")
    if judgement.n_after:
        console.say(f"  after the horizon, not judged: {judgement.n_after:,}")
    for problem in problems[:_TOLD]:
        console.say(f"  {problem}")
