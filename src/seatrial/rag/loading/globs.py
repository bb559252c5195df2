"""Patterns of paths: ``*`` and ``?`` within a name, ``**`` over folders, ``[ab]`` and ``[!ab]``.

A pattern without ``/`` is one of names, in whatever folder; one with it counts from the folder that
was named. Upper and lower case differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class Globs:
    """Several patterns, of which one must fit."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(patterns)
        self._whole = _any(self._patterns)
        # What names a folder, or all that lies in one, spares looking into it.
        self._folders = _any(pattern.removesuffix("/**") for pattern in self._patterns)

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def match(self, path: str) -> bool:
        """Whether a file fits; its path has ``/`` between names and none in front."""
        return self._whole is not None and self._whole.match(path) is not None

    def cover(self, folder: str) -> bool:
        """Whether everything under a folder fits."""
        return self._folders is not None and self._folders.match(folder) is not None


def _any(patterns: Iterable[str]) -> re.Pattern[str] | None:
    expressions = [_expression(pattern.removesuffix("/")) for pattern in patterns]
    return re.compile("|".join(expressions), re.DOTALL) if expressions else None


def _expression(pattern: str) -> str:
    found = [] if "/" in pattern else ["(?:[^/]+/)*"]
    at = 0
    while at < len(pattern):
        at, piece = _next(pattern, at)
        found.append(piece)
    return "".join(found) + r"\Z"


def _next(pattern: str, at: int) -> tuple[int, str]:
    """The piece of the expression for what stands at a place, and the place behind that."""
    begins_name = at == 0 or pattern[at - 1] == "/"
    if begins_name and pattern.startswith("**/", at):
        return at + 3, "(?:[^/]+/)*"
    if pattern.startswith("**", at):
        return at + 2, ".*"
    sign = pattern[at]
    if sign == "*":
        return at + 1, "[^/]*"
    if sign == "?":
        return at + 1, "[^/]"
    if sign == "[":
        end = pattern.find("]", at + 2)
        if end > 0:
            inner = pattern[at + 1 : end]
            negated = inner.startswith("!")
            letters = inner[1:] if negated else inner
            return end + 1, _class(letters, negated=negated) if letters else r"\["
    return at + 1, re.escape(sign)


def _class(letters: str, *, negated: bool) -> str:
    """The expression for one of some letters and ranges; a range that ends before it begins is
    empty."""
    members, at = "", 0
    while at < len(letters):
        first, last = letters[at], letters[at]
        if letters[at + 1 : at + 2] == "-" and at + 2 < len(letters):
            last = letters[at + 2]
            at += 2
        at += 1
        if first <= last:
            members += f"{re.escape(first)}-{re.escape(last)}"
    if not members:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{members}]"
