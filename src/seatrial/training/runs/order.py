"""What somebody wants trained, and what comes of it: the seam to whoever wants one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.training.runs.failures import BadOrder
from seatrial.training.runs.run import Against

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOrder:
    """A training that is wanted.

    Args:
        id: of its run. The same id again is the same run: adopted, not made twice.
        recipe: a name of ``training.recipes``, or ``FILE:FUNCTION``.
        command: in place of a recipe, a program with its arguments.
        parameters: hyperparameters over those of the recipe.
        data: rows to train on, over the recipe's.
        more_data: further files, for functions that declare ``more_data``.
        label: column that is predicted, over the recipe's.
        holdout: labelled rows kept from training, over the recipe's.
        warm_start: file of the present model, for functions that declare ``warm_start``.
        search: run the recipe's search and take its best trial.
        seed: over the recipe's.
        check: package the model, and hold it against a constant on the holdout.
        by: who wants it.
    Raises: BadOrder.
    """

    id: str
    recipe: str = ""
    command: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    data: Path | None = None
    more_data: tuple[Path, ...] = ()
    label: str | None = None
    holdout: Path | None = None
    warm_start: Path | None = None
    search: bool = False
    seed: int | None = None
    check: bool = True
    by: str = "train"

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise BadOrder(
                f"{self.id[:120]!r} is no id of a run.",
                remedy="Use 1 to 100 letters, digits, dots, hyphens and underscores, beginning "
                "with a letter or digit.",
                field="id",
            )
        if bool(self.recipe) == bool(self.command):
            raise BadOrder(
                "Neither a recipe nor a command is named."
                if not self.recipe
                else f"Both the recipe {self.recipe!r} and a command are named.",
                remedy="Name a training of seatrial.yaml, FILE:FUNCTION, or a command after --.",
                field="recipe",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """What a training left.

    Args:
        run_id: of the order.
        best_run_id: of a search, the run of its best trial; else as ``run_id``.
        model_path: as the program wrote it, in the run's folder.
        metrics: last value of each; those of the holdout begin with ``holdout.``.
        parameters: as they were used, defaults included.
        data_digest: SHA-256 over the training files; None where there were none.
        holdout_digest: of the holdout's file, or None.
        bundle_digest: of the packaged model, or None where nothing was checked.
        bundle_path: the same as an archive, to be deployed as it is, or None.
        against_constant: beside a model that answers every row alike.
        log: what the program printed.
    """

    run_id: str
    best_run_id: str
    model_path: Path
    metrics: Mapping[str, float]
    parameters: Mapping[str, object]
    data_digest: str | None
    holdout_digest: str | None
    bundle_digest: str | None
    bundle_path: Path | None
    against_constant: Against
    log: Path
