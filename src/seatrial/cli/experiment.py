"""`seatrial experiment`: plan an A/B test, and judge what came of one."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.experiment_design import EffectType, design_option, read_design, simple_design
from seatrial.cli.experiment_live import outcomes, start, status, stop, widen
from seatrial.cli.experiment_plan import plan_command
from seatrial.cli.options import NAMES, json_option
from seatrial.cli.output import Console
from seatrial.cli.page_file import write_output
from seatrial.experiments.config import MAX_UNITS
from seatrial.experiments.design import Kind
from seatrial.experiments.judge import judge
from seatrial.experiments.report import (
    FILES,
    experiment_page,
    headline,
    judgement_record,
    lines,
    state_said,
)
from seatrial.experiments.verdicts import Judgement, Outcome
from seatrial.experiments.words import said
from seatrial.kernel.config import validated
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.watching.data_config import DataConfig, without_password

_EXITS = {
    Outcome.SHIP: Exit.DONE,
    Outcome.DO_NOT_SHIP: Exit.GATE_FAILED,
    Outcome.INCONCLUSIVE: Exit.INCONCLUSIVE,
}
_TOLD = 12
"""Problems of the data that are told at most."""


@click.group()
def experiment() -> None:
    """A/B tests: how long one takes, run one on an endpoint, and what came of it."""


for _command in (start, status, widen, stop, outcomes, plan_command):
    experiment.add_command(_command)


@experiment.command()
@click.argument("file")
@design_option
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
    type=EffectType(),
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
        described = read_design(design)
        roles = described.columns.model_copy(update=given)
    elif primary is None:
        raise click.UsageError("Give --design, or --primary and what it is.")
    else:
        names = variants_in(data, variant or "variant", folder=Path.cwd())
        described = simple_design(
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
