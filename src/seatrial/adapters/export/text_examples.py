"""Texts to try a model of texts with, where no data says what it reads."""

from __future__ import annotations

from typing import Final

from seatrial.packaging.model_facts import InputFact, Kind

_WORDS: Final = (
    *("good", "bad", "a", "film", "the", "not", "Never", "price", "was", "it", "24.95", "don't"),
    *(
        "很好",
        "不",
        "电影",
        "🙂",
        "👩‍👩‍👧",
        "größte",
        "été",
        "плохо",
        "जी",
        "شكرا",
        "https://a.b/c",
        "x" * 40,
    ),
)
_ODD: Final = (
    *("", " ", "\n\t", "?", "𝔘𝔫𝔦", "\u200b", "e\u0301", "\x00a\x07", "<s>[CLS]</s>[SEP]"),
    *("这部电影非常好看，我很喜欢。", "🙂" * 30, "word " * 700, "长文本" * 700),
)
"""Empty, white, without a word, composed otherwise, named like special tokens, and longer than any
model reads."""


def text_input() -> InputFact:
    """The one input of a model that reads a text a row."""
    plain = (
        _phrase(k, n) for k, n in enumerate((1, 1, 2, 3, 3, 4, 5, 6, 8, 10, 13, 17, 25, 40) * 4)
    )
    return InputFact(name="text", kind=Kind.STRING, categories=(*_ODD, *plain))


def _phrase(k: int, n: int) -> str:
    """Words in an order of their own; the same for the same numbers."""
    return " ".join(_WORDS[(7 * k + 5 * j + j * j) % len(_WORDS)] for j in range(n))
