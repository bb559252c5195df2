"""What code of somebody's own returned, as arrays with a row for each row that was asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from seatrial.registry.signature import Prediction, Signature, Task
from seatrial.serving.failures import UnsupportedModel

_UNKNOWN: Final = ("unknown",)
"""The outputs of a signature that is still to be found out; see `packaging.session`."""


def wanted_of(answers: Prediction, signature: Signature, title: str) -> bool:
    """Whether answers are the first, which show what the outputs are; others must have them all.

    Args: title: of the model, for the message.   Raises: UnsupportedModel.
    """
    wanted = tuple(output.name for output in signature.outputs)
    if not answers or (wanted != _UNKNOWN and set(wanted) - answers.keys()):
        raise UnsupportedModel(
            f"predict of {title} gives {sorted(answers)}, not {list(wanted)}.",
            remedy="Return the same outputs for all rows, and at least one.",
        )
    return wanted == _UNKNOWN


def shown_by(
    answers: Prediction, *, stated: Any, title: str
) -> tuple[Task, tuple[str, ...] | tuple[int, ...] | None]:
    """What first answers show: the task, and the class of each probability.

    Args:
        stated: what the model says its classes are, or a function that does; None where it is mute.
        title: of the model, for the message.
    Raises: UnsupportedModel.
    """
    task = Task.OTHER
    if "label" in answers:
        task = Task.CLASSIFICATION
    elif answers.keys() == {"prediction"} and answers["prediction"].ndim == 1:
        task = Task.REGRESSION
    likely = answers.get("probabilities")
    if likely is None or likely.ndim != 2:
        return task, None
    if stated is None:
        whole = "label" in answers and answers["label"].dtype.kind in "iu"
        return task, tuple(range(likely.shape[1])) if whole else None
    return task, _classes(stated, likely.shape[1], title)


def _classes(stated: Any, n: int, title: str) -> tuple[str, ...] | tuple[int, ...]:
    names: Sequence[Any] = list(stated() if callable(stated) else stated)
    plain = [one.item() if isinstance(one, np.generic) else one for one in names]
    if len(plain) != n or {type(one) for one in plain} not in ({str}, {int}):
        raise UnsupportedModel(
            f"{title} says its classes are {str(plain)[:100]}, for {n} probabilities a row.",
            remedy="Give `classes` one text or one whole number for each probability.",
        )
    return tuple(plain)


def column(name: str, values: Any, n: int) -> Any:
    """One output as an array of ``n`` rows; a matrix of one column is that column.

    Raises: UnsupportedModel.
    """
    mixed = isinstance(values, list | tuple) and any(type(v) is str for v in values)
    try:
        array = np.asarray(values, dtype=object if mixed else None)
    except ValueError as error:  # rows of different lengths
        raise UnsupportedModel(
            f"The model's output {name!r} is no array: {error}.",
            remedy="Return one value, or one list of the same length, for each row.",
        ) from error
    if array.ndim == 0 or len(array) != n:
        raise UnsupportedModel(
            f"The model's output {name!r} has the shape {list(array.shape)} for {n} rows.",
            remedy="Return one answer for each row, the rows in the first dimension.",
        )
    if array.dtype.kind == "U":
        array = array.astype(object)
    if array.dtype.kind == "O" and not all(type(v) is str for v in array.ravel().tolist()):
        raise UnsupportedModel(
            f"The model's output {name!r} holds other things than texts and numbers.",
            remedy="Return texts, numbers or truths: one, or a list of the same length, each row.",
        )
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
