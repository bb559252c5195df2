"""The classes of a model that gives no list of them, from its answers and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seatrial.monitoring.rows.label_values import label_values
from seatrial.monitoring.rows.naming import coded
from seatrial.monitoring.rows.table import Coded, Column
from seatrial.stats.performance import UNKNOWN_CLASS


def class_names(label: Column, answer: Column | None) -> tuple[str, ...]:
    """What was answered or came true: numbers in their order, names in theirs, as most libraries
    order probabilities. A label that means an answer, as True means 1, is that answer's class.

    Args: labels, and answers where they are known, shape (n,).
    """
    names = set() if answer is None else set(_used(coded(answer)))
    own = _used(coded(label))
    places = label_values(own, tuple(sorted(names))).tolist()
    names |= {name for name, place in zip(own, places, strict=True) if place == UNKNOWN_CLASS}
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(sorted(names))


def named_as(column: Column, classes: Sequence[str]) -> Coded:
    """A column with its values by the names of the classes they mean; others stay as they are, and
    empty ones are missing.
    """
    names = coded(column)
    places = label_values(names.values, classes).tolist()
    values = [
        classes[int(place)] if place >= 0 else value
        for value, place in zip(names.values, places, strict=True)
    ]
    new = {value: place for place, value in enumerate(filter(None, dict.fromkeys(values)))}
    codes = np.array([*(new.get(value, -1) for value in values), -1], np.int32)
    return Coded(codes[names.codes], tuple(new))


def by_place(column: Column, classes: Sequence[str]) -> Column:
    """Labels that are the places of the classes, from 0, by their names.

    For models whose classes have an id, as those of Hugging Face. As it is where a value is no
    such number, or where a class is called by a number itself.
    """
    names = coded(column)
    used = _used(names)
    own = label_values((*classes, *used), None)
    places = own[len(classes) :]
    fits = (places >= 0) & (places < len(classes)) & (places % 1 == 0)
    if not np.isnan(own[: len(classes)]).all() or not used or not fits.all():
        return column
    meant = {text: int(place) for text, place in zip(used, places.tolist(), strict=True)}
    codes = np.array([*(meant.get(value, -1) for value in names.values), -1], np.int32)
    return Coded(codes[names.codes], tuple(classes))


def _used(column: Coded) -> tuple[str, ...]:
    codes = np.unique(column.codes[column.codes >= 0])
    return tuple(filter(None, (column.values[code] for code in codes.tolist())))
