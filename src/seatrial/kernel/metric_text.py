"""Prometheus' text format, version 0.0.4: families of samples as lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Labels: TypeAlias = tuple[tuple[str, str], ...]
Sample: TypeAlias = tuple[str, Labels, float]
"""Name, labels in the order they are written, value."""

Family: TypeAlias = tuple[str, str]
"""Type (``counter``, ``gauge``, ``histogram``) and one sentence of help."""


def metric_text(families: Mapping[str, Family], samples: Iterable[Sample]) -> str:
    """Samples under their families, in the families' order; a family without samples too.

    Args:
        families: by name.
        samples: each of one of them; those of a histogram end in ``_bucket``, ``_sum``, ``_count``.
    """
    lines: dict[str, list[str]] = {name: [] for name in families}
    for name, labels, value in samples:
        family = name if name in lines else name.rpartition("_")[0]
        lines[family].append(_line(name, labels, value))
    return "".join(
        f"# HELP {name} {text}\n# TYPE {name} {kind}\n" + "".join(lines[name])
        for name, (kind, text) in families.items()
    )


def _line(name: str, labels: Labels, value: float) -> str:
    text = ",".join(f'{key}="{_escaped(held)}"' for key, held in labels)
    return f"{name}{{{text}}} {_number(value)}\n"


def _number(value: float) -> str:
    if math.isfinite(value):
        return f"{value:.12g}"
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
