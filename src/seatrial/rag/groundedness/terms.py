"""The terms of a text: what is compared between a sentence and the passages.

A term is a word without its inflection and its accents, a number, or two neighbouring characters of
a script that does not part its words (Chinese, Japanese, Korean; one where it stands alone).
Offsets are those of the text itself.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

CJK = "㐀-䶿一-鿿豈-﫿ぁ-ゖァ-ヺー々가-힯\U00020000-\U0003134f"
_TERM = re.compile(
    rf"(?P<cjk>[{CJK}]+)"
    r"|(?P<number>\d+(?:,\d{3})*(?:\.\d+)?)"
    rf"|(?P<word>[^\W\d_{CJK}]+(?:'[^\W\d_{CJK}]+)?)"
)
# One character for one, so that offsets stay: full-width forms, quotes, dashes, odd spaces.
_PLAIN = {0xFF01 + i: 0x21 + i for i in range(94)} | {
    ord(written): plain
    for plain, all_written in {
        "'": "‘’ʼ`´",
        '"': "“”„«»",
        "-": "‐‑‒–—―−",
        " ": "\u00a0\u2002\u2003\u2009\u200a\u202f\u3000",
        "ß": "ẞ",
    }.items()
    for written in all_written
}
_MARKS = dict.fromkeys(range(0x300, 0x370))


class Term(NamedTuple):
    """A term and its characters."""

    text: str
    start: int
    end: int


def plain(text: str) -> str:
    """The text with one way to write digits, quotes, dashes and spaces; its length is the same."""
    return text if text.isascii() else text.translate(_PLAIN)


def terms(text: str) -> list[Term]:
    """The terms of a text in order.   Linear in its length."""
    found: list[Term] = []
    add = found.append
    for match in _TERM.finditer(plain(text)):
        start, end = match.span()
        kind = match.lastgroup
        if kind == "word":
            add(Term(stem(match.group()), start, end))
        elif kind == "number":
            digits = match.group().replace(",", "")
            whole, dot, part = digits.partition(".")
            part = part.rstrip("0")
            add(Term((whole.lstrip("0") or "0") + (dot + part if part else ""), start, end))
        else:
            run = match.group()
            if len(run) == 1:
                add(Term(run, start, end))
            for i in range(len(run) - 1):
                add(Term(run[i : i + 2], start + i, start + i + 2))
    return found


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word in lower case without accents and the commonest English inflections.

    Light on purpose: plural, possessive, -ed, -ing and -ly; "nation" and "national" stay two.
    """
    word = word.lower()
    if not word.isascii():
        word = unicodedata.normalize("NFD", word).translate(_MARKS)
    if "'" in word:
        if word.endswith("n't"):
            return "not"
        word = word.partition("'")[0]
    if len(word) < 4 or not word.isascii():
        return _IRREGULAR.get(word, word)
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return _without_ending(word)


def _without_ending(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith("sses"):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending, shortest in (("ing", 6), ("ed", 5), ("ly", 6)):
        if word.endswith(ending) and len(word) >= shortest:
            bare = word[: -len(ending)]
            if not re.search("[aeiouy]", bare):
                break
            if len(bare) > 3 and bare[-1] == bare[-2] and bare[-1] not in "lsz":
                bare = bare[:-1]
            word = bare
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


_IRREGULAR = {
    form: bare
    for bare, forms in {
        "be": "is are was were been being am",
        "have": "has had having",
        "do": "does did done doing",
        "go": "goes went gone going",
        "say": "says said saying",
        "make": "makes made making",
        "take": "takes took taken taking",
        "win": "wins won winning winner",
        "lose": "loses lost losing",
        "write": "writes wrote written writing writer",
        "begin": "begins began begun beginning",
        "become": "becomes became becoming",
        "know": "knows knew known knowing",
        "give": "gives gave given giving",
        "find": "finds found finding",
        "hold": "holds held holding",
        "lead": "leads led leading",
        "leave": "leaves left leaving",
        "build": "builds built building",
        "sell": "sells sold selling",
        "buy": "buys bought buying",
        "grow": "grows grew grown growing",
        "rise": "rises rose risen rising",
        "fall": "falls fell fallen falling",
        "run": "runs ran running",
        "see": "sees saw seen seeing",
        "come": "comes came coming",
        "get": "gets got gotten getting",
        "meet": "meets met meeting",
        "speak": "speaks spoke spoken speaking",
        "teach": "teaches taught teaching",
        "think": "thinks thought thinking",
        "man": "men",
        "woman": "women",
        "child": "children",
        "person": "people persons",
        "die": "dies died dying dead death",
        "bear": "born birth",
        "not": "cannot",
    }.items()
    for form in forms.split()
}
