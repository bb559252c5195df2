"""Round numbers along the axis of a picture, and how they are written."""

from __future__ import annotations

import math

_LEAST_WIDTH = 1e-300
"""Floats that are closer to 0 have too few digits to be divided."""
_N_TICKS = 7
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_MINUS = "\N{MINUS SIGN}"


def ticks(low: float, high: float, n: int = _N_TICKS) -> list[float]:
    """Round numbers between two ends, about ``n`` of them, 1, 2 or 5 times a power of ten apart.

    Args: finite, ``low < high``.
    """
    width = high - low
    if not _LEAST_WIDTH < width < math.inf:
        return []
    raw = width / n
    power = 10.0 ** math.floor(math.log10(raw))
    if power == 0.0:
        return []
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, first + 3 * n) if i * step <= high + 1e-9 * width]


def short(value: float, *, step: float | None = None) -> str:
    """A number as people write it on an axis: 1,500 is ``1.5k``, and none is longer than 8 signs.

    Args: step: the distance of ticks, so that neighbours are told apart; None shows 3 digits.
    """
    size = max(abs(value), abs(step or 0.0))
    if size != 0 and not 1e-4 <= size < 1e15:
        mantissa, _, power = f"{value:.2g}".partition("e")
        shown = f"{mantissa}e{int(power)}" if power else mantissa
        return shown.replace("-", _MINUS, 1 if value < 0 else 0)
    unit, name = next(((u, s) for u, s in _UNITS if size >= u and size >= 1e4), (1.0, ""))
    digits = 3
    if step:
        digits = max(1, min(6, 1 + math.floor(math.log10(size)) - math.floor(math.log10(step))))
    text = f"{value / unit:.{digits}g}" if value else "0"
    if "e" in text:
        text = f"{value / unit:.0f}"
    return text.replace("-", _MINUS) + (name if value else "")
