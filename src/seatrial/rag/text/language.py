"""Which language a text is in, as far as its script and its commonest words tell."""

from __future__ import annotations

import re

_SCRIPTS = {
    "ja": re.compile(r"[぀-ヿ]"),
    "ko": re.compile(r"[가-힯ᄀ-ᇿ]"),
    "zh": re.compile(r"[㐀-鿿\U00020000-\U0003134f]"),
}
_LETTER = re.compile(r"[^\W\d_]")


def language_of(text: str) -> str | None:
    """ISO 639-1 of the larger part of a text (of its first 4,000 characters).

    Chinese, Japanese and Korean are told by script, everything else by nothing yet: "en" for
    Latin letters, None without letters.
    """
    head = text[:4000]
    n_letters = len(_LETTER.findall(head))
    if not n_letters:
        return None
    counts = {name: len(script.findall(head)) for name, script in _SCRIPTS.items()}
    if counts["ja"] * 20 > n_letters:
        return "ja"
    if counts["ko"] * 4 > n_letters:
        return "ko"
    return "zh" if counts["zh"] * 4 > n_letters else "en"
