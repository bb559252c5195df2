"""What an audit of an index finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something in an index that does not agree with the rest.

    Args:
        part: which part of it: documents, chunks, vectors, words, fields, counts, file.
        place: the segment, version or file.
        reason: one sentence for people, with the numbers.
        n: how many are concerned, >= 1.
    """

    part: str
    place: str
    reason: str
    n: int = 1
