"""What is said of an experiment on the command line: in a file, or by options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from seatrial.cli.experiment_live import PREFIX
from seatrial.cli.options import NumberType
from seatrial.experiments.config import ExperimentFile
from seatrial.kernel.config import load, validated


class EffectType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
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


design_option = click.option(
    "--design",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file experiment.yaml; without it, the options describe a simple experiment.",
)


def read_design(design: Path) -> ExperimentFile:
    """The experiment of a file."""
    return load(design, ExperimentFile, os.environ, prefix=PREFIX)


def simple_design(
    primary: dict[str, Any],
    variants: dict[str, float],
    *,
    experiment: str = "experiment",
    **more: Any,
) -> ExperimentFile:
    """The experiment that options describe.

    Args: the metric that decides; parts of the traffic by variant; other parts of a file.
    """
    values = {"experiment": experiment, "variants": variants, "primary": primary, **more}
    return validated(ExperimentFile, values, "the command line")
