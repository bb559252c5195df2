"""What a search may try: one range or choice for each hyperparameter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Whole numbers from ``low`` to ``high``, both included.

    Args: log: drawn by their logarithm; ``low`` >= 1 then.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """Numbers from ``low`` to ``high``.

    Args: log: drawn by their logarithm; ``low`` > 0 then.
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some values."""

    values: tuple[bool | int | float | str | None, ...]


Range: TypeAlias = Whole | Real | Choice
Space: TypeAlias = Mapping[str, Range]
Tried: TypeAlias = Mapping[str, bool | int | float | str | None]
