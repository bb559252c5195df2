"""The words of a text, normalised: what the text index, retrieval and the check of answers compare.

Words in scripts that write spaces are taken whole, folded to lower case without accents, with
widths and ligatures undone (NFKC). Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer,
Burmese), and Korean, whose particles cling to its words, become pairs of neighbouring characters,
which need no dictionary: 图书馆 is 图书 and 书馆. A number is one word: 3.5, 1,000 (as 1000) and
10:30.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from operator import add
from typing import NamedTuple

_PAIRED = (
    "\u3005\u3006\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003347f"  # Han
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7fb"  # Hangul
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u103f\u1050-\u108f\u1780-\u17d3"  # Burmese, Khmer
)
# The marks that belong to letters, which \w leaves out: vowel signs of Indic scripts, combining
# accents, points of Hebrew and Arabic.
_MARKS = "".join(
    mark
    for mark in map(chr, (*range(0x300, 0xE00), *range(0xF00, 0x1000), *range(0x1AB0, 0x20F1)))
    if unicodedata.category(mark) in {"Mn", "Mc"}
)
_LETTER = rf"[^\W_{_PAIRED}]"
_PIECE = re.compile(
    rf"(\d+(?:[.,:．]\d+)+"  # 3.5, 1,000, 10:30, 1.2.3
    rf"|[cC](?:\+\+|\#)|[fF]\#"
    rf"|{_LETTER}++(?:[{_MARKS}]++{_LETTER}*+)*+"
    rf"(?:['’](?:[sStT]|[rR][eE]|[vV][eE]|[lL][lL]|[dD]|[mM])(?!\w))?)"
    rf"|([{_PAIRED}]++)"
)
_ASCII_PIECE = re.compile(
    r"\d+(?:[.,:]\d+)+|c(?:\+\+|\#)|f\#|[a-z0-9]++(?:'(?:[st]|re|ve|ll|d|m)(?!\w))?"
)
_UNIT = re.compile(
    "[\u1100-\u115f\ua960-\ua97f]+[\u1160-\u11a7]*[\u11a8-\u11ff]*"  # a syllable of Hangul
    "|.[\u3099\u309a\uff9e\uff9f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d"
    "\u17b4-\u17d3]*"
)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_CLITIC = re.compile(r"'(?:s|re|ve|ll|d|m)$")
_ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u064b-\u0652\u0670\u0640]")
_WHOLE_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th", "’": "'"}
)


class Word(NamedTuple):
    """A normalised word, and the characters of the text that it stands for."""

    text: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """The words of a text in order of their start; pairs of characters overlap."""
    found = []
    for piece in _PIECE.finditer(text):
        word, run = piece.groups()
        start, end = piece.span()
        if word:
            found.append(Word(normalised(word), start, end))
            continue
        units, ends = _units(run)
        starts = [0, *ends]
        ends = ends[1:] or ends
        found += [
            Word(pair, start + starts[n], start + ends[n]) for n, pair in enumerate(_pairs(units))
        ]
    return found


def terms(text: str) -> list[str]:
    """The same words without their places, faster: ``[word.text for word in words(text)]``."""
    if text.isascii():
        if text.isalnum():
            return [text.lower()]
        pieces = _ASCII_PIECE.findall(text.lower())
        return [normalised(piece) if "'" in piece or "," in piece else piece for piece in pieces]
    found: list[str] = []
    for word, run in _PIECE.findall(text):
        if word:
            found.append(normalised(word))
        else:
            found += _pairs(_units(run)[0])
    return found


@lru_cache(maxsize=1 << 16)
def normalised(word: str) -> str:
    """One word of a script with spaces as `words` gives it."""
    folded = unicodedata.normalize("NFKD", word).casefold().translate(_WHOLE_LETTERS)
    if not folded.isascii():
        folded = unicodedata.normalize("NFKC", _ACCENTS.sub("", folded))
        folded = "".join(folded.split()) or word
    if "'" in folded:
        return _CLITIC.sub("", folded)
    return folded.replace(",", "") if _THOUSANDS.fullmatch(folded) else folded


def _units(run: str) -> tuple[Sequence[str], list[int]]:
    """The characters of a run, each with its marks, normalised; and where each ends in it."""
    units = _UNIT.findall(run)
    if len(units) == len(run):
        normal = unicodedata.normalize("NFKC", run)
        if len(normal) == len(run):
            return normal, list(range(1, len(run) + 1))
    return [unicodedata.normalize("NFKC", unit) for unit in units], list(
        accumulate(map(len, units))
    )


def _pairs(units: Sequence[str]) -> list[str]:
    return list(map(add, units, units[1:])) if len(units) > 1 else list(units)
