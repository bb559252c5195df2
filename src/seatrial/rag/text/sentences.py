"""Sentences, as spans of the text."""

from __future__ import annotations

import re

from seatrial.rag.text.document import Span

# A sentence ends behind its closing mark and the quotes and brackets that close with it. Latin
# marks end one only before white space, so that 3.5, e.g. and example.com stay whole.
_END = re.compile(
    r"""[。！？｡…]+[」』”’）】》"')\]]*      # marks of Chinese and Japanese
      | [.!?]+[”’"')\]]*(?=\s|$)
      | \n\s*\n                               # an empty line
    """,
    re.VERBOSE,
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|etc|al|cf|e\.g|i\.e|No|Nos|Fig|Figs|Eq|Eqs|Inc|Ltd"
    r"|Co|Corp|approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.)$"
)


def sentences(text: str) -> list[Span]:
    """The sentences of a text in order, without the white space around them; none is blank.

    Every character that is not white space lies in exactly one.
    """
    spans: list[Span] = []
    start = 0
    for end in _END.finditer(text):
        if end.group().startswith(".") and _ABBREVIATION.search(text, start, end.start() + 1):
            continue
        _keep(text, start, end.end(), spans)
        start = end.end()
    _keep(text, start, len(text), spans)
    return spans


def _keep(text: str, start: int, end: int, spans: list[Span]) -> None:
    piece = text[start:end]
    bare = piece.strip()
    if bare:
        at = start + piece.index(bare[0])
        spans.append(Span(at, at + len(bare)))
