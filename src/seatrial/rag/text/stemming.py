"""Stems of English words: connected, connection and connects become the same.

Source: M. Porter, "The English (Porter2) stemming algorithm", snowballstem.org, with its changes of
2024.
"""

from __future__ import annotations

import re
from functools import lru_cache

_WHOLE = {
    "skis": "ski", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "idly": "idl",
    "gently": "gentl", "ugly": "ugli", "early": "earli", "only": "onli", "singly": "singl",
    "sky": "sky", "news": "news", "howe": "howe", "atlas": "atlas", "cosmos": "cosmos",
    "bias": "bias", "andes": "andes",
}  # fmt: skip
_WHOLE_AFTER_PLURAL = frozenset(
    ["inning", "outing", "evening", "canning", "herring", "earring", "proceed", "exceed", "succeed"]
)
_STEP_2 = {
    "ization": "ize", "ational": "ate", "fulness": "ful", "ousness": "ous", "iveness": "ive",
    "tional": "tion", "biliti": "ble", "lessli": "less", "entli": "ent", "ation": "ate",
    "alism": "al", "aliti": "al", "ousli": "ous", "iviti": "ive", "fulli": "ful", "enci": "ence",
    "anci": "ance", "abli": "able", "izer": "ize", "ator": "ate", "alli": "al", "bli": "ble",
    "logi": "log", "logist": "log",
}  # fmt: skip
_STEP_3 = {
    "ational": "ate", "tional": "tion", "alize": "al", "icate": "ic", "iciti": "ic", "ical": "ic",
    "ness": "", "ful": "",
}  # fmt: skip
_STEP_4 = re.compile(
    "(?:ement|ance|ence|able|ible|ment|ant|ent|ism|ate|iti|ous|ive|ize|(?<=[st])ion|al|er|ic)$"
)
_LAST_STEP_2 = re.compile(f"(?:{'|'.join(_STEP_2)})$")
_LAST_STEP_3 = re.compile(f"(?:{'|'.join(_STEP_3)}|ative)$")
_DOUBLE = re.compile(r"(?<!^[aeo])(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$")
_VOWEL = re.compile("[aeiouy]")
_PAST_OR_GERUND = re.compile("(?:ingly|edly|ing|ed)$")
_CONSONANT_Y = re.compile("^y|(?<=[aeiouy])y")
_REGION = re.compile("[aeiouy][^aeiouy]")
_LONG_PREFIX = re.compile("gener|commun|arsen|past|univers|later|emerg|organ|inter")
_SHORT_SYLLABLE = re.compile("(?:^[aeiouy][^aeiouy]|[^aeiouy][aeiouy][^aeiouywxY])$")


@lru_cache(maxsize=1 << 16)
def english_stem(word: str) -> str:
    """The stem of a normalised word (`seatrial.rag.text.words`); of words that are not English
    letters alone, numbers above all, the word."""
    if len(word) <= 2 or not word.isascii() or not word.isalpha():
        return word
    if word in _WHOLE:
        return _WHOLE[word]
    marked = _CONSONANT_Y.sub("Y", word)
    prefix = _LONG_PREFIX.match(marked)
    r1 = prefix.end() if prefix else _region(marked, 0)
    r2 = _region(marked, r1)
    stem = _plural(marked)
    if stem in _WHOLE_AFTER_PLURAL:
        return stem
    stem = _past_or_gerund(stem, r1)
    if len(stem) > 2 and stem[-1] in "yY" and stem[-2] not in "aeiouy":
        stem = stem[:-1] + "i"
    return _endings(stem, r1, r2).lower()


def _region(word: str, start: int) -> int:
    found = _REGION.search(word, start)
    return found.end() if found else len(word)


def _plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith(("ied", "ies")):
        return word[:-2] if len(word) > 4 else word[:-1]
    if word.endswith(("us", "ss")) or not word.endswith("s"):
        return word
    return word[:-1] if _VOWEL.search(word, 0, len(word) - 2) else word


def _past_or_gerund(word: str, r1: int) -> str:
    for ending in ("eedly", "eed"):
        if word.endswith(ending):
            cut = len(word) - len(ending)
            return word[:cut] + "ee" if cut >= r1 else word
    found = _PAST_OR_GERUND.search(word)
    if found is None or not _VOWEL.search(word, 0, found.start()):
        return word
    stem = word[: found.start()]
    if stem.endswith(("at", "bl", "iz")):
        return stem + "e"
    if _DOUBLE.search(stem):
        return stem[:-1]
    return stem + "e" if len(stem) <= r1 and _SHORT_SYLLABLE.search(stem) else stem


def _endings(stem: str, r1: int, r2: int) -> str:
    if found := _LAST_STEP_2.search(stem):
        if found.start() + found.group().startswith("log") >= r1:
            stem = stem[: found.start()] + _STEP_2[found.group()]
    elif stem.endswith("li") and len(stem) - 2 >= r1 and stem[-3] in "cdeghkmnrt":
        stem = stem[:-2]
    if found := _LAST_STEP_3.search(stem):
        if found.group() == "ative":
            stem = stem[:-5] if found.start() >= r2 else stem
        elif found.start() >= r1:
            stem = stem[: found.start()] + _STEP_3[found.group()]
    found = _STEP_4.search(stem)
    if found and found.start() >= r2:
        stem = stem[: found.start()]
    return _last_letter(stem, r1, r2)


def _last_letter(stem: str, r1: int, r2: int) -> str:
    last = len(stem) - 1
    if stem.endswith("e"):
        short = _SHORT_SYLLABLE.search(stem[:-1]) is not None
        return stem[:-1] if last >= r2 or (last >= r1 and not short) else stem
    return stem[:-1] if stem.endswith("ll") and last >= r2 else stem
