"""What can go wrong with a training, one class for each thing a person would do differently.

A run that failed keeps its error as a record; `revived` makes the same error of it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from seatrial.kernel.errors import (
    Conflict,
    DeadlineExceeded,
    Invalid,
    LimitExceeded,
    NotFound,
    SeatrialError,
    Unavailable,
)
from seatrial.training.runs.run import Outcome


class UnknownRecipe(NotFound):
    """No training of that name is configured."""

    code = "training.unknown_recipe"


class UnknownRun(NotFound):
    """No run of that id was ever recorded."""

    code = "training.unknown_run"


class BadOrder(Invalid):
    """What was asked for cannot be trained: it contradicts itself, or names what is not there."""

    code = "training.bad_order"


class RunTaken(Conflict):
    """The id of the run belongs to another training."""

    code = "training.run_taken"


class BadFunction(Invalid):
    """The function to train with cannot be found or called."""

    code = "training.bad_function"


class BadParameter(Invalid):
    """A hyperparameter is not known, is missing, or has a value of the wrong type."""

    code = "training.bad_parameter"


class TrainingCrashed(Invalid):
    """The program of the training raised, or ended with an exit code that is not 0."""

    code = "training.crashed"


class TrainingTimedOut(DeadlineExceeded):
    """The training took longer than it may, and was ended."""

    code = "training.timed_out"
    retryable = False


class TrainingOutOfMemory(LimitExceeded):
    """The training took more memory than it may, and was ended."""

    code = "training.out_of_memory"


class NotFinite(Invalid):
    """A metric, or a prediction of the trained model, is NaN or infinite."""

    code = "training.not_finite"


class NoModel(Invalid):
    """The training ended well and left no model."""

    code = "training.no_model"


class ModelUnusable(Invalid):
    """The trained model cannot be packaged, or does not answer the rows of the holdout."""

    code = "training.model_unusable"


class WorseThanConstant(Invalid):
    """The trained model is shown to be worse than answering every row alike."""

    code = "training.worse_than_constant"


class NoTrial(Invalid):
    """No trial of a search came to an end with a value of its metric."""

    code = "training.no_trial"


class TrainingInterrupted(Unavailable):
    """The training was ended from outside before it was done."""

    code = "training.interrupted"


class TrackerUnavailable(Unavailable):
    """A tracker does not take runs; they are kept here and sent later."""

    code = "training.tracker_unavailable"


class TrackerRefuses(Invalid):
    """A tracker will never take the run as it is."""

    code = "training.tracker_refuses"


OF_OUTCOME: Mapping[Outcome, type[SeatrialError]] = {
    Outcome.BAD_FUNCTION: BadFunction,
    Outcome.BAD_PARAMETER: BadParameter,
    Outcome.CRASHED: TrainingCrashed,
    Outcome.TIMED_OUT: TrainingTimedOut,
    Outcome.OUT_OF_MEMORY: TrainingOutOfMemory,
    Outcome.NOT_FINITE: NotFinite,
    Outcome.NO_MODEL: NoModel,
    Outcome.MODEL_UNUSABLE: ModelUnusable,
    Outcome.WORSE_THAN_CONSTANT: WorseThanConstant,
    Outcome.NO_TRIAL: NoTrial,
    Outcome.INTERRUPTED: TrainingInterrupted,
}
"""The error of each outcome that is one."""


def outcome_of(error: SeatrialError) -> Outcome:
    """The outcome of a run that ended with an error."""
    return next(
        (outcome for outcome, kind in OF_OUTCOME.items() if type(error) is kind),
        Outcome.MODEL_UNUSABLE if isinstance(error, Invalid) else Outcome.INTERRUPTED,
    )


def revived(outcome: Outcome, record: Mapping[str, object] | None) -> SeatrialError:
    """The error that a run ended with, from its record."""
    kind = OF_OUTCOME.get(outcome, TrainingInterrupted)
    said = record or {}
    facts = said.get("facts")
    return kind(
        str(said.get("problem", "The run was ended before it was done.")),
        remedy=str(said.get("remedy", "Train again.")),
        **(cast("dict[str, object]", dict(facts)) if isinstance(facts, Mapping) else {}),
    )
