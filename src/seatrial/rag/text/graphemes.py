"""Where a text may be cut without taking a character apart that a reader sees as one.

A base with its accents, an emoji with its modifiers and joiners, a flag, a syllable of Hangul, the
two halves of a pair and a line end of two characters stay whole.
Source: Unicode Standard Annex 29, extended grapheme clusters, without the rules for conjuncts of
Indic scripts (GB9c) and prepended marks (GB9b).
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"


def grapheme_before(text: str, at: int, start: int) -> int:
    """The last place in ``(start, at]`` where a grapheme begins; `start` where there is none.

    The end of the text is such a place.
    """
    if start < at < len(text) and " " <= text[at] < "\u00a9":
        return at
    while at > start and not _begins(text, at):
        at -= 1
    return at


def _begins(text: str, at: int) -> bool:
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return before + after not in {"\r\n", "\u200d\u00a9", "\u200d\u00ae"}
    if _extends(after):
        return before in "\r\n" or unicodedata.category(before) in {"Cc", "Zl", "Zp"}
    if before == _JOINER:
        return unicodedata.category(after) != "So"
    if "\U0001f1e6" <= after <= "\U0001f1ff":
        return _n_flags_before(text, at) % 2 == 0
    halves = "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff"
    return not halves and not _continues_hangul(before, after)


def _extends(mark: str) -> bool:
    return (
        unicodedata.category(mark) in {"Mn", "Me", "Mc"}
        or mark in "\u200c\u200d\uff9e\uff9f"
        or "\U0001f3fb" <= mark <= "\U0001f3ff"
        or "\U000e0020" <= mark <= "\U000e007f"
    )


def _n_flags_before(text: str, at: int) -> int:
    start = at
    while start and "\U0001f1e6" <= text[start - 1] <= "\U0001f1ff":
        start -= 1
    return at - start


def _continues_hangul(before: str, after: str) -> bool:
    if "\u1160" <= after <= "\u11a7" or "\ud7b0" <= after <= "\ud7c6":  # a vowel
        open_syllable = "\uac00" <= before <= "\ud7a3" and (ord(before) - 0xAC00) % 28 == 0
        return open_syllable or "\u1100" <= before <= "\u11a7" or "\ua960" <= before <= "\ua97c"
    if "\u11a8" <= after <= "\u11ff" or "\ud7cb" <= after <= "\ud7fb":  # a final consonant
        return "\uac00" <= before <= "\ud7fb" or "\u1160" <= before <= "\u11ff"
    leading = (
        "\u1100" <= after <= "\u115f"
        or "\ua960" <= after <= "\ua97c"
        or "\uac00" <= after <= "\ud7a3"
    )
    return leading and ("\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c")
