"""From found passages to a context: parents in place of chunks, merged, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from seatrial.rag.retrieval.found import Context, ContextPassage, Found
from seatrial.rag.retrieval.settings import Order
from seatrial.rag.text.document import Span

Count = Callable[[str], int]


def pack(
    found: Sequence[Found], *, max_tokens: int, count: Count, parents: bool, order: Order
) -> Context:
    """The context of a question.

    The best passage is taken first. With `parents` its parent stands in its place, and spans of
    one document that overlap or touch become one piece. What does not fit with its parent is tried
    alone; what does not fit at all is left out, and smaller ones behind it still have a chance.

    Args:
        found: the best first.
        max_tokens: > 0, of all texts together.
        count: tokens of a text.
        order: ``best_first``, or ``edges``: the best at the beginning and the end, the weakest in
            the middle, where long contexts are read least well.
    Source: Liu et al. 2024, Lost in the Middle, TACL 12:157.
    """
    pieces: list[_Piece] = []
    n_left_out = 0
    for rank, one in enumerate(found):
        passage = one.passage
        tried = [_Piece(passage.document, passage.span, passage.text, 0, {rank: one})]
        if parents:
            tried.insert(
                0,
                _Piece(passage.document, passage.parent, passage.parent_text, 0, {rank: one}),
            )
        for piece in tried:
            if (packed := _with(pieces, piece, max_tokens, count)) is not None:
                pieces = packed
                break
        else:
            n_left_out += 1
    pieces.sort(key=lambda piece: min(piece.hits))
    if order == "edges":
        pieces = pieces[::2] + pieces[1::2][::-1]
    return Context(
        passages=tuple(piece.finished() for piece in pieces),
        n_tokens=sum(piece.n_tokens for piece in pieces),
        n_left_out=n_left_out,
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters of one document, and what was found in them, by rank."""

    document: str
    span: Span
    text: str
    n_tokens: int
    hits: dict[int, Found] = field(default_factory=dict)

    def touches(self, other: _Piece) -> bool:
        return (
            self.document == other.document
            and self.span.start <= other.span.end
            and other.span.start <= self.span.end
        )

    def joined(self, other: _Piece) -> _Piece:
        """With one that it touches."""
        first, second = sorted((self, other), key=lambda piece: piece.span)
        beyond = second.text[max(0, first.span.end - second.span.start) :]
        span = Span(first.span.start, max(first.span.end, second.span.end))
        return _Piece(self.document, span, first.text + beyond, 0, self.hits | other.hits)

    def finished(self) -> ContextPassage:
        hits = tuple(self.hits[rank] for rank in sorted(self.hits))
        return ContextPassage(text=self.text, span=self.span, hits=hits, n_tokens=self.n_tokens)


def _with(
    pieces: list[_Piece], added: _Piece, max_tokens: int, count: Count
) -> list[_Piece] | None:
    """The pieces with one more, merged with those it touches; None where there is no room."""
    apart = []
    for piece in pieces:
        if piece.touches(added):
            added = piece.joined(added)
        else:
            apart.append(piece)
    n_tokens = count(added.text)
    if n_tokens + sum(piece.n_tokens for piece in apart) > max_tokens:
        return None
    return [*apart, _Piece(added.document, added.span, added.text, n_tokens, added.hits)]
