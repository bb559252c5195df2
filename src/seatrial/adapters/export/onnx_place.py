"""Names of a graph's inputs that stand for a feature by its place; loads no library.

An exporter writes them where a graph cannot bear the feature's own name, the engine reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "seatrial/feature/"


def place_of(position: int) -> str:
    """The input's name for the feature at a position, from 0."""
    return f"{_PREFIX}{position}"


def feature_of(name: str, features: Sequence[str]) -> str:
    """The feature that an input of the graph takes; its own name where it says no place."""
    place = name.removeprefix(_PREFIX)
    if place != name and place.isdecimal() and int(place) < len(features):
        return features[int(place)]
    return name
