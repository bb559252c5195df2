"""What people write as a label, as a model's class or number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.monitoring.rows.naming import name_of
from seatrial.stats.performance import UNKNOWN_CLASS

_APART = re.compile(r"\s*[,;]\s*|\s+")
_UNNAMED = re.compile(r"LABEL_(\d+)")
"""What Hugging Face's libraries call the class of a place that nobody named."""
_BOOLEANS = {"true": "1", "false": "0"}


def label_text(value: object) -> str:
    """A label as text; empty when it is missing.

    Example:
        >>> label_text(2.0), label_text("yes"), label_text(None)
        ('2', 'yes', '')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return name_of(value).strip()


def label_values(texts: Sequence[str], classes: Sequence[str] | None) -> NDArray[np.float64]:
    """The place of each label among the classes, or for a regressor, None, its number.

    Args: texts of `label_text`; a class may be written as another number, "1.0" for "1", and
        "LABEL_1" by its number alone.
    Returns: shape (n,); UNKNOWN_CLASS for a class that the model does not have, NaN for no label,
        which for a regressor is whatever is not a finite number.
    """
    if classes is None:
        return np.array([_number(text) for text in texts], np.float64)
    places = places_of(classes)
    read = {text: _place(text, places) for text in set(texts)}
    return np.array([read[text] for text in texts], np.float64)


def places_of(classes: Sequence[str]) -> dict[str, float]:
    """The place of each class by what it is called: "LABEL_1" by its number alone, too."""
    numbers = {
        found[1]: float(place)
        for place, name in enumerate(classes)
        if (found := _UNNAMED.fullmatch(name))
    }
    return numbers | {name: float(place) for place, name in enumerate(classes)}


def label_vectors(texts: Sequence[str], width: int) -> NDArray[np.float64]:
    """The numbers of each label of a model that answers with several.

    Args:
        texts: such as "[1.5, 2]", "1.5 2" or "1.5;2".
        width: numbers of an answer, >= 1.
    Returns: shape (n, width); NaN in rows that are not so many finite numbers.
    """
    found = np.full((len(texts), width), np.nan)
    for row, text in enumerate(texts):
        parts = _APART.split(text.strip().strip("[]()").strip())
        numbers = [_number(part) for part in parts]
        if len(numbers) == width and not any(map(math.isnan, numbers)):
            found[row] = numbers
    return found


def _place(text: str, places: dict[str, float]) -> float:
    if not text:
        return math.nan
    if text in places:
        return places[text]
    number = _number(text)
    other = _BOOLEANS.get(text.lower(), text) if math.isnan(number) else name_of(number)
    return places.get(other, float(UNKNOWN_CLASS))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
