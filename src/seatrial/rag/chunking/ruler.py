"""How long a part of a text is, and how far a length reaches: in characters, or in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from seatrial.rag.text.document import Span


class Sized(NamedTuple):
    """A span and its length."""

    span: Span
    length: int


class Ruler(Protocol):
    """Measures one text."""

    def count(self, start: int, end: int) -> int:
        """The length of ``text[start:end]``."""
        ...

    def reach(self, start: int, length: int) -> int:
        """The furthest end for which the part from `start` is no longer than `length`."""
        ...

    def reach_back(self, end: int, length: int) -> int:
        """The first start for which the part up to `end` is no longer than `length`."""
        ...

    def sized(self, spans: Sequence[Span], most: int, /) -> list[Sized]:
        """The spans with their lengths as texts of their own, in order of their start.

        What is then longer than `most` is cut, but for single characters.
        """
        ...


class Unit(Protocol):
    """What lengths are counted in."""

    @property
    def name(self) -> str:
        """``characters``, or the tokenizer."""
        ...

    def ruler(self, text: str) -> Ruler:
        """One for this text."""
        ...


class Characters:
    """Lengths in characters (code points)."""

    name = "characters"

    def ruler(self, text: str) -> CharacterRuler:
        """See `Unit`."""
        return CharacterRuler(len(text))


class CharacterRuler:
    """Counts characters."""

    def __init__(self, n_characters: int) -> None:
        self._end = n_characters

    def count(self, start: int, end: int) -> int:
        """See `Ruler`."""
        return end - start

    def reach(self, start: int, length: int) -> int:
        """See `Ruler`."""
        end = start + length
        return end if end < self._end else self._end

    def reach_back(self, end: int, length: int) -> int:
        """See `Ruler`."""
        return max(end - length, 0)

    def sized(self, spans: Sequence[Span], _most: int, /) -> list[Sized]:
        """See `Ruler`. What was measured is what it is."""
        return [Sized(span, span.end - span.start) for span in spans]
