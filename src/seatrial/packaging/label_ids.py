"""Labels that a file gives by the numbers of a model's classes, as data of Hugging Face does."""

from __future__ import annotations

from typing import Final

import numpy as np

from seatrial.monitoring.performance.served_reference import classes_answered
from seatrial.monitoring.rows.class_names import by_place
from seatrial.monitoring.rows.served import column_of
from seatrial.monitoring.rows.table import Coded
from seatrial.registry.signature import Column, Signature

_NUMBERED: Final = frozenset(("huggingface",))
"""What gives each class a number of its own: ``id2label``. Of others a number would be a guess."""


def named_labels(labels: Column, framework: str, signature: Signature) -> Column:
    """Labels by the names of the classes whose numbers they are; else as they are.

    Args: labels: of a file, shape (n,); framework: that made the model.
    """
    classes = classes_answered(signature) if framework in _NUMBERED else None
    if classes is None:
        return labels
    read = column_of(labels)
    named = by_place(read, classes)
    if named is read or not isinstance(named, Coded):
        return labels
    return np.array([*named.values, None], object)[named.codes]
