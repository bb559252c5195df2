"""`seatrial train`: run a training, or a search of many, and look at what it made."""

from __future__ import annotations

import secrets
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, whoami, workspace_options
from seatrial.cli.output import Console

if TYPE_CHECKING:
    from seatrial.training.runs.order import TrainedModel
    from seatrial.training.runs.recipe import Recipe

_FILE = click.Path(path_type=Path, dir_okay=False)
_COMMAND = "seatrial.command"


class _WithCommand(click.Command):
    """A command line whose part after ``--`` is another one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`."""
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[_COMMAND] = args[:at], tuple(args[at + 1 :])
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """See `click.Command`."""
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


class _SetType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """A hyperparameter as ``name=value``."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """See `click.ParamType`."""
        name, equals, text = str(value).partition("=")
        if not equals or not name.isidentifier():
            self.fail(f"{value!r} is not NAME=VALUE.", param, ctx)
        return name, text


@click.command(cls=_WithCommand)
@click.argument("recipe", metavar="[NAME|FILE:FUNCTION]", default="")
@click.option(
    "--set", "values", type=_SetType(), multiple=True, help="A hyperparameter; may be repeated."
)
@click.option("--data", type=_FILE, help="Rows to train on.  [default: as the recipe says]")
@click.option("--label", help="Column that is predicted.  [default: as the recipe says]")
@click.option(
    "--holdout", type=_FILE, help="Labelled rows kept from training.  [default: likewise]"
)
@click.option(
    "--more-data", type=_FILE, multiple=True, help="A further file of rows; may be repeated."
)
@click.option("--warm-start", type=_FILE, help="The present model's file, to go on from.")
@click.option("--search", is_flag=True, help="Run the recipe's search, and take its best trial.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Of all that is drawn.  [default: likewise]"
)
@click.option("--no-check", is_flag=True, help="Neither package the model nor hold it against one.")
@click.option(
    "--run", "run_id", metavar="ID", help="Id of the run; one that was killed goes on by it."
)
@workspace_options
@json_option
@click.pass_context
def train(
    ctx: click.Context,
    recipe: str,
    values: tuple[tuple[str, str], ...],
    data: Path | None,
    label: str | None,
    holdout: Path | None,
    more_data: tuple[Path, ...],
    warm_start: Path | None,
    search: bool,
    seed: int | None,
    no_check: bool,
    run_id: str | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Train a model: a recipe of seatrial.yaml, a function of a file, or a command after --.

    It runs in a process of its own within limits of time and memory. Hyperparameters, metrics,
    digests of data and code, environment and files are recorded as a run; see `seatrial runs`. The
    model is packaged as it would be served, and held against a constant answer on the holdout.

    Exit code 3: the model is worse than answering every row alike.
    """
    from seatrial.training.runs.failures import WorseThanConstant
    from seatrial.training.runs.order import TrainingOrder
    from seatrial.wiring.training.recipe import recipe_of
    from seatrial.wiring.training.trainer import train_order
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    workspace = open_workspace(home=home, config=config)
    command: tuple[str, ...] = ctx.meta.get(_COMMAND, ())
    order = TrainingOrder(
        id=run_id or new_id(recipe or (command[0] if command else "run")),
        recipe=recipe,
        command=command,
        parameters=dict(values),
        data=data,
        label=label,
        holdout=holdout,
        more_data=more_data,
        warm_start=warm_start,
        search=search,
        seed=seed,
        check=not no_check,
        by=whoami(),
    )
    planned = recipe_of(workspace, order)
    console.head(f"{planned.name}: {planned.program}")
    console.step("note", "run", order.id)
    try:
        trained = train_order(workspace, order, on_step=console.step, on_progress=console.progress)
    except WorseThanConstant as worse:
        console.step("bad", "constant", worse.problem)
        console.say(f"  → {worse.remedy}")
        console.result({"error": worse.as_dict()})
        return Exit.GATE_FAILED
    _show(console, trained, planned)
    console.result(_record(trained))
    return Exit.DONE


def new_id(called: str) -> str:
    """An id that sorts by time, and says what it is of."""
    place = called.rpartition(":")[0] or called
    stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path(place).stem).strip("-")
    now = datetime.now(UTC)
    return f"{stem[:40] or 'run'}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _show(console: Console, trained: TrainedModel, recipe: Recipe) -> None:
    """The model, and what to do with it."""
    console.say()
    for name, value in sorted(trained.metrics.items()):
        console.say(f"  {name:<28} {value:.6g}")
    if trained.best_run_id != trained.run_id:
        console.step("ok", "best", f"run {trained.best_run_id}")
        for name, used in trained.parameters.items():
            console.say(f"  {name:<28} {used}")
    console.step("ok", "model", str(trained.model_path))
    console.say()
    console.say(f"  next: {_deploy(trained, recipe)}")
    if recipe.holdout is not None:
        words = ["seatrial", "evaluate", str(trained.bundle_path or trained.model_path)]
        words += ["--against", recipe.name, "--data", str(recipe.holdout)]
        words += ["--label", recipe.label] if recipe.label else []
        console.say(f"    or: {shlex.join(words)}")


def _deploy(trained: TrainedModel, recipe: Recipe) -> str:
    """The command that releases it: the bundle that was checked, else the file to be packaged."""
    if trained.bundle_path is not None:
        words = ["seatrial", "deploy", str(trained.bundle_path)]
    else:
        words = ["seatrial", "deploy", str(trained.model_path), "--name", recipe.name]
        for option, value in (
            ("--data", recipe.data),
            ("--label", recipe.label),
            ("--holdout", recipe.holdout),
        ):
            words += [] if value is None else [option, str(value)]
    return shlex.join([*words, *(["--trust"] if recipe.trust else [])])


def _record(trained: TrainedModel) -> dict[str, Any]:
    return {
        "run": trained.run_id,
        "best_run": trained.best_run_id,
        "model": str(trained.model_path),
        "metrics": dict(trained.metrics),
        "parameters": dict(trained.parameters),
        "data_digest": trained.data_digest,
        "holdout_digest": trained.holdout_digest,
        "bundle_digest": trained.bundle_digest,
        "bundle": None if trained.bundle_path is None else str(trained.bundle_path),
        "against_constant": trained.against_constant.value,
        "log": str(trained.log),
    }
