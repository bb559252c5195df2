"""What loading and answering have in common for XGBoost's and LightGBM's boosters."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.registry.missing_library import missing_library
from seatrial.registry.model_file import CorruptModel
from seatrial.registry.signature import Prediction


def open_booster(
    path: Path, library: str, title: str, failure: Callable[[ModuleType], type[Exception]]
) -> Any:
    """The booster in a file of its library's own format.

    Args:
        library: the module to import.
        title: its name for people.
        failure: what it raises for a file it cannot read.
    Raises: CorruptModel, MissingLibrary.
    """
    try:
        module = import_module(library)
    except ModuleNotFoundError as error:
        raise missing_library(library, path=path) from error
    try:
        return module.Booster(model_file=str(path))
    except failure(module) as error:
        raise CorruptModel(
            f"{title} cannot read {path.name}: {str(error).splitlines()[0]}.",
            remedy="Save the model again with save_model().",
        ) from error


def of_two_classes(positive: NDArray[np.floating[Any]]) -> Prediction:
    """The outputs of a binary classifier, from the probability of its second class, ``(n,)``."""
    return {
        "label": (positive > 0.5).astype(np.int64),
        "probabilities": np.column_stack([1 - positive, positive]),
    }


def of_classes(probabilities: NDArray[np.floating[Any]]) -> Prediction:
    """The outputs of a classifier, from the probabilities of its classes, ``(n, k)``."""
    return {"label": probabilities.argmax(axis=1), "probabilities": probabilities}
