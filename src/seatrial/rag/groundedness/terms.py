"""The terms of a text: what is compared between a sentence and the passages.

A term is a normalised word (`seatrial.rag.text.words`) without its English inflection: "went" and
"going" are "go". Offsets are those of the text itself.
"""

from __future__ import annotations

import re
from functools import lru_cache

from seatrial.rag.text.stemming import english_stem
from seatrial.rag.text.words import Word, normalised, words

CJK = "㐀-䶿一-鿿豈-﫿ぁ-ゖァ-ヺー々가-힯\U00020000-\U0003134f"
# One character for one, so that offsets stay: full-width forms, quotes, dashes, odd spaces.
_PLAIN = {0xFF01 + i: 0x21 + i for i in range(94)} | {
    ord(written): plain
    for plain, all_written in {
        "'": "‘’ʼ`´",
        '"': "“”„«»",
        "-": "‐‑‒–—―−",
        " ": "\u00a0\u2002\u2003\u2009\u200a\u202f\u3000",
    }.items()
    for written in all_written
}
_LETTERS = re.compile("[a-z]{2,}")


def plain(text: str) -> str:
    """The text with one way to write digits, quotes, dashes and spaces; its length is the same."""
    return text if text.isascii() else text.translate(_PLAIN)


def terms(text: str) -> list[Word]:
    """The terms of a text in order.   Linear in its length."""
    return [Word(_base(word.text), word.start, word.end) for word in words(text)]


def stem(word: str) -> str:
    """One word as `terms` gives it."""
    return _base(normalised(word))


@lru_cache(maxsize=1 << 16)
def _base(word: str) -> str:
    if word.endswith("n't"):
        return "not"
    irregular = _IRREGULAR.get(word)
    if irregular is not None:
        return irregular
    return english_stem(word) if _LETTERS.fullmatch(word) else word


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
        "swear": "swears swore sworn swearing",
        "choose": "chooses chose chosen choosing",
        "break": "breaks broke broken breaking",
        "drive": "drives drove driven driving driver",
        "eat": "eats ate eaten eating",
        "fly": "flies flew flown flying flight",
        "fight": "fights fought fighting",
        "keep": "keeps kept keeping",
        "pay": "pays paid paying payment",
        "send": "sends sent sending",
        "spend": "spends spent spending",
        "stand": "stands stood standing",
        "tell": "tells told telling",
        "wear": "wears wore worn wearing",
        "draw": "draws drew drawn drawing",
        "throw": "throws threw thrown throwing",
        "catch": "catches caught catching",
        "bring": "brings brought bringing",
        "sing": "sings sang sung singing singer",
        "marry": "marries married marrying marriage",
    }.items()
    for form in forms.split()
}
