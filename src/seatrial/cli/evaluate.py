"""`seatrial evaluate`: a new version against the one in production, over the same rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import NAMES, json_option, loading_options, workspace_options
from seatrial.cli.output import Console
from seatrial.cli.page_file import check_output, write_output

if TYPE_CHECKING:
    from seatrial.training.evaluation.rules import Rules
    from seatrial.wiring.evaluation.evaluating import Evaluated

_FILE = click.Path(path_type=Path, dir_okay=False)
_EXITS = {
    "better": Exit.DONE,
    "not_worse": Exit.DONE,
    "worse": Exit.GATE_FAILED,
    "cannot_tell": Exit.INCONCLUSIVE,
}
_MARKS = {"better": "ok", "not_worse": "ok", "worse": "bad", "cannot_tell": "note"}


@click.command()
@click.argument("new", metavar="NEW")
@click.option("--against", required=True, help="The baseline: named as NEW is.")
@click.option(
    "--data",
    type=_FILE,
    required=True,
    help="Labelled rows that neither was trained on: Parquet, CSV or JSON.",
)
@click.option("--label", help="Column of the rows that is predicted.")
@click.option(
    "--segments",
    type=NAMES,
    help="Columns whose segments are looked at one by one, such as region,plan.  "
    "[default: those that the baseline is watched by]",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="A metric to show, or a function of labels and predictions as package.module:name, with "
    ":less where less is better; may be repeated.  [default: the usual ones]",
)
@click.option("--primary", help="The metric that decides.  [default: evaluation.primary]")
@click.option("--margin", help="How much worse it may be: 0.01, or 2% of the baseline's value.")
@click.option(
    "--guardrail",
    "guardrails",
    multiple=True,
    help="A metric that must not be shown to be worse: METRIC, METRIC:MARGIN or "
    "METRIC@COLUMN:MARGIN; may be repeated.  [default: evaluation.guardrails]",
)
@click.option(
    "--training",
    type=_FILE,
    help="Rows of the training: what the data shares with them is left out.",
)
@click.option(
    "--resamples",
    type=click.IntRange(100, 1_000_000),
    help="Of the bootstrap intervals.  [default: evaluation.resamples]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the resamples.")
@click.option("--no-latency", is_flag=True, help="Do not measure how long answers take.")
@click.option("--report", type=_FILE, help="Write the model card as a page that needs nothing.")
@click.option("--card", type=_FILE, help="Write the model card as Markdown.")
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", help="Of what is told and written."
)
@loading_options("Load model files and bundles whatever they import.")
@workspace_options
@json_option
def evaluate(
    new: str,
    against: str,
    data: Path,
    label: str | None,
    segments: tuple[str, ...] | None,
    metrics: tuple[str, ...],
    primary: str | None,
    margin: str | None,
    guardrails: tuple[str, ...],
    training: Path | None,
    resamples: int | None,
    seed: int,
    no_latency: bool,
    report: Path | None,
    card: Path | None,
    language: str,
    trust: bool,
    any_version: bool,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Compare NEW with a baseline over the same labelled rows; nothing is registered or released.

    Each is NAME@VERSION of the catalogue, NAME for the version in production, or a path: what holds
    a dot or a slash. A path is a bundle's folder, an archive, or a model file, which is packaged
    first as `seatrial deploy` would.

    Exit code 0: better, or not worse. 3: worse. 4: the rows cannot tell.
    """
    from seatrial.wiring.evaluation.evaluating import EvaluationOrder, evaluate_order
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    check_output(report, option="--report")
    check_output(card, option="--card")
    workspace = open_workspace(home=home, config=config)
    configured = workspace.settings.evaluation
    rules = _rules(configured.rules(), primary, margin, guardrails)
    rules = replace(rules, seed=seed, n_resamples=resamples or rules.n_resamples)
    if segments is None and configured.segments:
        segments = configured.segments
    order = EvaluationOrder(
        new=new,
        against=against,
        data=data,
        label=label,
        segments=segments,
        metrics=metrics,
        training=training,
        rules=rules,
        timed=not no_latency,
        trust=trust,
        any_version=any_version,
    )
    evaluated = evaluate_order(workspace, order, on_step=console.step, on_progress=console.progress)
    _show(console, evaluated, language)
    if report is not None:
        write_output(report, evaluated.page(language), option="--report")
        console.say(f"  page: {report}")
    if card is not None:
        write_output(card, evaluated.markdown(language), option="--card")
        console.say(f"  card: {card}")
    console.result(evaluated.as_dict())
    return _EXITS[evaluated.outcome.value]


def _rules(
    rules: Rules, primary: str | None, margin: str | None, guardrails: tuple[str, ...]
) -> Rules:
    """The configured rules, with what the command line says of them."""
    from seatrial.training.evaluation.rules import Guardrail, Margin

    said: dict[str, Any] = {}
    if primary is not None:
        said |= {"primary": primary, "margin": None}
    if margin is not None:
        said["margin"] = Margin.parse(margin)
    if guardrails:
        said["guardrails"] = tuple(map(Guardrail.parse, guardrails))
    return replace(rules, **said)


def _show(console: Console, evaluated: Evaluated, language: str) -> None:
    """Metrics beside each other, and what came of it."""
    from seatrial.training.evaluation.card_content import outcome, reason
    from seatrial.training.evaluation.card_words import metric_name, number, signed, words

    found = evaluated.found
    console.say()
    for pair in found.metrics:
        interval = pair.difference.interval
        console.say(
            f"  {metric_name(pair.metric, language):<26} {number(pair.new.value):>9} "
            f"{number(pair.baseline.value):>9} {signed(pair.difference.value):>10}  "
            f"({signed(interval.lower)} … {signed(interval.upper)})"
        )
    console.say()
    told = f"{outcome(found, language)}{words(language)['colon']}{reason(found, language)}"
    console.step(_MARKS[found.decision.outcome.value], "decision", told)
