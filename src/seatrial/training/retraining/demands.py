"""What is asked of rows before anything is trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What is asked; see `config.ChecksConfig`."""

    min_rows: int = 200
    min_holdout_rows: int = 100
    max_missing: float = 0.5
    min_class_rows: int = 5
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    max_outside: float = 0.0
