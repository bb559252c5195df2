"""Names in a sentence: what it is about, told by how it is written.

Latin script: words with capitals, joined as they stand; at the start of a sentence only where the
word has no other use. German, whose nouns all have a capital: two side by side within a sentence,
and words with a capital inside. Chinese: titles in 《》, quotes, names with ·, and Latin words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seatrial.rag.groundedness.terms import CJK, plain, stem
from seatrial.rag.text.language import language_of


class Name(NamedTuple):
    """A name and its characters."""

    text: str
    start: int
    end: int


_CAPITAL = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİĶĹĻĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŹŻŽ"
_WORD = rf"[{_CAPITAL}][^\W_{CJK}]*(?:['-][^\W\d_{CJK}]+)*"
_NAME = re.compile(
    rf"(?<![\w-]){_WORD}(?:(?:(?<=\b[{_CAPITAL}])\.|(?<=\b[DMS][rst])\.)?[ \t]+"
    rf"(?:(?:of|the|de|la|van|von|der|den|del|&)[ \t]+){{0,2}}{_WORD})*"
)
_IN_GERMAN = re.compile(
    rf"(?<![\w-]){_WORD}(?:[ \t]+{_WORD})+|(?<![\w-])[^\W_]*[^\W_-][{_CAPITAL}][^\W_{CJK}]*"
)
_QUOTED = re.compile(r"《([^《》]{1,60})》|「([^「」]{1,60})」|『([^『』]{1,60})』|“([^“”]{1,60})”")
_DOTTED = re.compile(rf"[{CJK}]{{1,12}}(?:[·・•][{CJK}]{{1,12}})+")
# Begins no name, though it is often written with a capital.
_PLAIN_WORDS = frozenset(
    stem(word)
    for word in [
        "a", "an", "the", "this", "that", "these", "those", "it", "its", "he", "she", "they",
        "we", "you", "i", "his", "her", "their", "our", "your", "my", "there", "here", "in",
        "on", "at", "by", "for", "from", "to", "of", "with", "as", "and", "or", "but", "if",
        "when", "while", "after", "before", "since", "during", "until", "although", "though",
        "because", "so", "then", "than", "what", "who", "where", "which", "why", "how", "also",
        "however", "according", "both", "each", "every", "all", "some", "many", "most", "no",
        "not", "is", "was", "are", "were", "be", "been", "being", "has", "have", "had", "do",
        "does", "did", "can", "could", "will", "would", "may", "might", "must", "yes", "well",
        "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "first", "second", "third", "other", "another", "such", "only", "even", "just", "more",
        "today", "now", "later", "once", "over", "under", "between", "about", "into", "through",
        "per", "despite", "other", "its", "january", "february", "march", "april", "may",
        "june", "july", "august", "september", "october", "november", "december", "monday",
        "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]
)  # fmt: skip


def names(text: str) -> list[Name]:
    """The names of a text in order of their kind and place."""
    level = plain(text)
    found = _german(text, level) if language_of(text) == "de" else _capital(text, level)
    for pattern in (_QUOTED, _DOTTED):
        for match in pattern.finditer(text):
            group = match.lastindex or 0
            found.append(Name(match.group(group), *match.span(group)))
    return found


def _capital(text: str, level: str) -> list[Name]:
    found: list[Name] = []
    for match in _NAME.finditer(level):
        start, end = match.span()
        first = level[start:end].split(None, 1)[0].rstrip(".")
        begins = _begins(level, start)
        if stem(first) in _PLAIN_WORDS:
            inner = _after_plain_words(level, start, end)
            if inner is None:
                continue
            start, end = inner
        elif begins and start + len(first) == end and not first.isupper():
            continue  # one word at the start of a sentence: no telling
        found.append(Name(text[start:end], start, end))
    return found


def _german(text: str, level: str) -> list[Name]:
    found = []
    for match in _IN_GERMAN.finditer(level):
        start, end = match.span()
        if _begins(level, start) and " " in match.group():
            start += len(match.group().split(None, 1)[0])
            start += len(level[start:end]) - len(level[start:end].lstrip())
        one = level[start:end]
        if " " in one or any(char.isupper() for char in one[1:]):
            found.append(Name(text[start:end], start, end))
    return found


def _begins(level: str, start: int) -> bool:
    """Whether a sentence, or what is said in it, begins at a place."""
    before = level[:start]
    return not before.rstrip(" \t\"'([-") or before.rstrip(" \"'(")[-1:] in ".!?:\n"


def _after_plain_words(level: str, start: int, end: int) -> tuple[int, int] | None:
    for word in re.finditer(_WORD, level[start:end]):
        if stem(word.group()) not in _PLAIN_WORDS:
            return start + word.start(), end
    return None
