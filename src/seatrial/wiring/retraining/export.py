"""A retraining of a workspace, as a plan that can be exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.kernel.errors import Conflict
from seatrial.monitoring.triggers.cron import parse_cron
from seatrial.training.exporting.plan import MARK, Exported, ExportInvalid, Task
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.training.retraining.outline import OUTLINE, Outlined
from seatrial.training.runs.order import TrainingOrder
from seatrial.wiring.retraining.configured import config_of
from seatrial.wiring.training.recipe import found_recipe
from seatrial.wiring.workspace import Workspace

_AROUND_S = 600.0
"""What a training takes besides: reading, checks, packaging."""


class ExportPlaceTaken(Conflict):
    """The file to be written is there, and no export wrote it."""

    code = "retraining.export_place_taken"


def exported(
    workspace: Workspace, name: str, *, to: str, folder: str, options: Sequence[str]
) -> Exported:
    """What is exported of a retraining.

    Args:
        to: the orchestrator; the calendar goes with it only if the retraining says it keeps it.
        folder, options: see `Exported`.
    Raises: RetrainingUnknown, UnknownRecipe, ExportInvalid.
    """
    config = config_of(workspace, name)
    crons, zone = _calendar(name, config) if config.orchestrator == to else ([], "UTC")
    _, recipe = found_recipe(workspace, TrainingOrder(id=name, recipe=config.training))
    limits = {"train": recipe.limits.time + _AROUND_S}
    return Exported(
        name=name,
        tasks=[_task(step, limits.get(step.name)) for step in OUTLINE],
        crons=crons,
        zone=zone,
        folder=folder,
        options=options,
    )


def check_place(path: Path) -> None:
    """Refuse a file that is there and is no export.   Raises: ExportPlaceTaken, ExportInvalid."""
    if path.suffix != ".py":
        raise ExportInvalid(
            f"The file {str(path)!r} is to hold Python.",
            remedy="Give a name that ends in .py.",
            field="into",
        )
    try:
        with path.open("rb") as file:
            ours = MARK.encode() in file.readline(1000)
    except OSError:  # absent; what else is wrong shows when it is written
        return
    if not ours:
        raise ExportPlaceTaken(
            f"The file {str(path)!r} is there and was not written by an export.",
            remedy="Give another name, or delete it.",
            path=str(path),
        )


def _calendar(name: str, config: RetrainedConfig) -> tuple[list[str], str]:
    zones = sorted({trigger.zone for trigger in config.calendar})
    if len(zones) > 1:
        raise ExportInvalid(
            f"The schedules of {name} mean the clocks of {' and '.join(zones)}.",
            remedy="Give its schedule triggers one zone; a calendar of theirs has but one.",
            field=f"retraining.{name}.triggers",
        )
    crons = [parse_cron(trigger.cron).fields for trigger in config.calendar]
    return crons, zones[0] if zones else "UTC"


def _task(step: Outlined, timeout_s: float | None) -> Task:
    return Task(
        name=step.name,
        retries=step.retry.attempts - 1,
        first_s=step.retry.first_s,
        longest_s=step.retry.longest_s,
        timeout_s=timeout_s,
        waits=step.waits,
    )
