"""Sentences, as spans of the text: of prose in any script, and of Markdown.

A heading, an item of a list and a row of a table (``| a | b |``, ``a | b``, ``name: a; age: b``)
are sentences of their own; lines of wrapped prose are not. Where a full stop may be one of an
abbreviation, what stands around it decides.
"""

from __future__ import annotations

import re

from seatrial.rag.text.abbreviations import (
    BEFORE_NAMES,
    BEFORE_NUMBERS,
    BEGINNINGS,
    MONTHS,
    NEVER_LAST,
    PERHAPS_LAST,
)
from seatrial.rag.text.document import Span

_LATIN = ".!?…"
_DENSE = "。！？｡．।॥؟۔።"  # these end a sentence without white space behind them
_CLOSING = "」』”’）】》〉\"')\\]»"
# One pass over the text: every run of end marks with the quotes, brackets and references ([12])
# that close with it, and every line end. It matches at each of its first characters, so no text
# makes it slow.
_BREAK = re.compile(
    rf"[\n\u2029{_LATIN}{_DENSE}]"
    rf"(?:(?<=[\n\u2029])|[{_LATIN}{_DENSE}]*+[{_CLOSING}]*+(?:\[\d{{1,3}}\])*+)"
)
_ASCII_BREAK = re.compile(r"[\n.!?](?:(?<=\n)|[.!?]*+[\"')\]]*+(?:\[\d{1,3}\])*+)")  # twice as fast
_BLOCK = re.compile(
    r"[^\S\n]*+(?:\n|\Z|[#>|]|[-*+•·] |(?:\d{1,3}|[a-zA-Z])[.)] |```|~~~|={3}|-{3})"
)
_ALONE = re.compile(r"[^\S\n]{0,3}(?:#{1,6}[ \t]|\|)")
# Two rows of a table as loaders write them: "Ada | London", or "name: Ada; city: London" below each
# other. Cells of a long row may hold sentences, which are found as elsewhere.
_ROWS = re.compile(
    r"(?:([^\n:;|]{1,60}+: )[^\n]*+\n\1|[^\n|]{1,200}+(?<= )\| [^\n]*+\n[^\n|]{1,200}+(?<= )\| )"
)
_SHORT_ROW = re.compile(r"[^\n]{1,400}+(?:\n|\Z)")
_CLOSERS = frozenset("」』”’）】》〉\"')]»")
_MARKER = re.compile(r"\s*+(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})\.")
_BEFORE_WORD = re.compile(r"(?s:.*)(?![.'’-])[\W_]")
_NEXT_WORD = re.compile(r"[\s\"'“‘(\[«„*_]*([^\W_]*)")
_GLUED = re.compile(r"([A-Z][\w'’-]*)[ ,:]")
_QUOTED_ON = re.compile(r"[とって、，,；;]")
_N_LOOKED_BACK = 24
_N_AT_ONCE = 256


def sentences(text: str) -> list[Span]:
    """The sentences of a text in order, without the white space around them; none is blank.

    Every character that is not white space lies in exactly one.
    """
    spans: list[Span] = []
    start = 0
    pair = row = _ROWS.match(text) is not None
    alone = _ALONE.match(text) is not None or (row and _SHORT_ROW.match(text) is not None)
    for found in _breaks(text).finditer(text):
        at, end = found.span()
        mark = text[at]
        if mark in "\n\u2029":
            ends = alone or mark == "\u2029" or _BLOCK.match(text, end) is not None
            following = _ROWS.match(text, end) is not None
            ends = ends or row or pair or following
            pair, row = following, pair or following
            alone = _ALONE.match(text, end) is not None
            alone = alone or (row and _SHORT_ROW.match(text, end) is not None)
        else:
            ends = not alone and _ends(text, start, at, end)
        if ends:
            _keep(text, start, end, spans)
            start = end
    _keep(text, start, len(text), spans)
    return spans


def last_sentence_end(text: str, start: int, end: int) -> int | None:
    """The last place in ``(start, end]`` where a sentence, heading or item ends; None: there is
    none."""
    while end > start:
        before = max(start, end - _N_AT_ONCE)
        breaks = _breaks(text[before:end])
        found = [mark.span() for mark in breaks.finditer(text, before, end)]
        for n in range(len(found) - 1, -1, -1):
            at, behind = found[n]
            if behind > start and _ends_here(text, found[n - 1][1] if n else start, at, behind):
                return behind
        end = before
    return None


def first_sentence_end(text: str, start: int, end: int) -> int | None:
    """The first place in ``(start, end)`` where a sentence, heading or item ends."""
    before = start
    for mark in _breaks(text[start:end]).finditer(text, start, end):
        at, behind = mark.span()
        if start < behind < end and _ends_here(text, before, at, behind):
            return behind
        before = behind
    return None


def _breaks(part: str) -> re.Pattern[str]:
    """What finds ends in a part of a text."""
    return _ASCII_BREAK if part.isascii() else _BREAK


def _ends_here(text: str, start: int, at: int, end: int) -> bool:
    if text[at] in "\n\u2029":
        ends = text[at] == "\u2029" or _BLOCK.match(text, end) is not None
        return ends or _stands_alone(text, at) or _is_between_rows(text, at, end)
    following = text[end : end + 1]
    if following in _CLOSERS or not _ends(text, start, at, end):
        return False
    return not _stands_alone(text, at)


def _is_between_rows(text: str, at: int, end: int) -> bool:
    """Whether the line that begins at `end` is a row, with the one before it or the one behind."""
    if _ROWS.match(text, end) is not None:
        return True
    return _ROWS.match(text, text.rfind("\n", max(0, at - 2_000), at) + 1) is not None


def _stands_alone(text: str, at: int) -> bool:
    return _ALONE.match(text, text.rfind("\n", max(0, at - 200), at) + 1) is not None


def _keep(text: str, start: int, end: int, spans: list[Span]) -> None:
    piece = text[start:end]
    bare = piece.strip()
    if bare:
        at = start + len(piece) - len(piece.lstrip())
        spans.append(Span(at, at + len(bare)))


def _ends(text: str, start: int, at: int, end: int) -> bool:
    """Whether the marks at ``[at, end)`` end the sentence that began at `start`."""
    marks = text[at:end]
    following = text[end : end + 1]
    if marks[0] in _DENSE:
        if marks == "．":
            return not following.isdigit()
        closed = marks[-1] in _CLOSING
        return not (closed and _QUOTED_ON.match(following))
    if following and not following.isspace():
        return following.isupper() and _is_glued(text, at, end)
    word = _NEXT_WORD.match(text, end)
    after = word.group(1) if word else ""
    lower = after[:1].islower()
    if marks == ".":
        return not _goes_on(text, start, at, after)
    if marks[0] == "…" or marks.startswith(".."):
        return not lower
    return not (lower and marks[-1] in "”’\"'»")


def _is_glued(text: str, at: int, end: int) -> bool:
    """Whether a new sentence follows without a space, as in texts that lost their line ends:
    "of the cell.This is", and not "System.Out" or "example.com"."""
    following = _GLUED.match(text, end)
    if following is None:
        return False
    word = following.group(1)
    before = text[max(0, at - 3) : at]
    if word.lower() in BEGINNINGS:
        return not before[-1:].isupper()
    whole = len(before) == 3 and before.isalpha() and before.islower()
    return len(word) > 2 and (whole or before[-1:] in (")", "]", "%"))


def _goes_on(text: str, start: int, at: int, after: str) -> bool:
    """Whether one full stop at `at` belongs to its word: an abbreviation, initial or ordinal."""
    if _MARKER.fullmatch(text, start, at + 1):
        return True
    first = max(start, at - _N_LOOKED_BACK)
    before = _BEFORE_WORD.match(text, first, at)
    word = text[before.end() if before else first : at].lower().lstrip("'’-.")
    if word in BEFORE_NUMBERS:
        return after[:1].isdigit()
    if word in PERHAPS_LAST or "." in word or (len(word) == 1 and word.isalpha()):
        return bool(after) and (not after[0].isupper() or after.lower() not in BEGINNINGS)
    if len(word) <= 2 and word.isdigit():
        return after[:1].islower() or after.lower() in MONTHS
    return word in NEVER_LAST or word in BEFORE_NAMES
