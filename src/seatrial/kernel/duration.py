"""Durations as people write them: ``90``, ``45s``, ``1h30m``, ``500ms``."""

from __future__ import annotations

import math
import re

from seatrial.kernel.errors import Invalid

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SHOWN_S = (86400, 3600, 60, 1)
_NAMES = {"en": ("d", "h", "min", "s"), "zh": ("天", "小时", "分钟", "秒")}


class BadDuration(Invalid):
    """A text that is no duration."""

    code = "config.bad_duration"


def parse_duration(text: str | float) -> float:
    """Seconds meant by a text such as ``1h30m``, or by a plain number of seconds; >= 0.

    Raises: BadDuration.
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        seconds = float(text)
    else:
        seconds = _parse_text(str(text).strip())
    if not math.isfinite(seconds) or seconds < 0:
        raise _bad(text)
    return seconds


def _parse_text(text: str) -> float:
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    if not text or _PART.sub("", text):
        raise _bad(text)
    return sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))


def _bad(text: object) -> BadDuration:
    return BadDuration(
        f"{text!r} is not a duration.",
        remedy="Write seconds, or units such as 500ms, 45s, 10m, 1h30m or 2d.",
        value=str(text),
    )


def show_watched(watched_s: float, watch_s: float) -> str:
    """How much of a watch is over, as a person reads it; one that is extended has a least."""
    if watched_s <= watch_s:
        return f"{show_duration(watched_s)} of {show_duration(watch_s)}"
    return f"{show_duration(watched_s)}, at least {show_duration(watch_s)}"


def show_duration(seconds: float, *, language: str = "en") -> str:
    """A duration for a person, in its two largest units: ``1 h 5 min``, ``45 s``, ``0.2 s``.

    Args: language: ``en`` or ``zh``.
    """
    names = _NAMES[language]
    if seconds < 10:
        return f"{seconds:.1f} {names[-1]}"
    left = round(seconds)
    parts = []
    for unit, size in zip(names, _SHOWN_S, strict=True):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
