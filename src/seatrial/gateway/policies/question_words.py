"""Whether two questions differ in words that can change the answer.

Vectors do not see them: "convert 10 miles to kilometers" and "convert 10 kilometers to miles" are
at a cosine of 0.993, and "with" is as near to "without" as a paraphrase to what it says again. So
the words judge first. Dropped are punctuation, case, forms of politeness, articles, the s of a
plural and what else carries nothing in English. What is left must be the same words in the same
order: a word added, left out, replaced or moved keeps two questions apart.

English only, and what is not known here counts as a word that matters: questions in other languages
are the same to the letter or not at all.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 400
"""Characters of a question. A longer one is a text, and an answer can hang on any word of it."""

_WORD: Final = re.compile(r"[^\W_]+(?:[.,:][0-9]+)*|[^\s]")
_POINTS: Final = frozenset(".,;:?!'\"()")
_SHORT: Final = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "let's": "let us",
    "what's": "what is",
    "who's": "who is",
    "where's": "where is",
    "when's": "when is",
    "how's": "how is",
    "it's": "it is",
    "i'd": "i would",
    "i'm": "i am",
    "i've": "i have",
}
_NOT: Final = re.compile(r"n't\b")
_ASKING: Final = re.compile(
    r"^(?:(?:hi|hello|hey|please|kindly|now|so|ok|okay)\b[ ,!]*"
    r"|(?:can|could|would|will) you (?:please )?"
    r"(?=(?:tell|explain|describe|give|list|show|name|help|translate|summari[sz]e|write)\b)"
    r"|(?:please )?(?:tell me|let me know|i want to know|i would like to know|i need to know"
    r"|do you know)[ ,:]+(?=(?:how|what|when|where|which|who|whom|whose|why)\b))+"
)
_THANKS: Final = re.compile(r"[\s,.!?]*\b(?:please|thanks|thank you)\b[\s.!?]*$")
_HOW: Final = re.compile(r"\bhow (?:do|does|can|could|would|to)(?: (?:i|we|you|one))?\b(?: to\b)?")
_FILLERS: Final = frozenset(
    {"a", "an", "the", "is", "are", "am", "do", "does", "exactly", "actually", "really"}
)
_SAME: Final = {"which": "what"}
_SHORTEST_PLURAL: Final = 5


def telling(question: str) -> tuple[str, ...] | None:
    """The words of a question on which its answer may hang, in order.

    Two questions with the same ones may be taken for each other.
    Returns: None for one that is compared with no other: it has several lines, is longer than
        `LONGEST`, or nothing is left of it.
    """
    text = unicodedata.normalize("NFC", question).replace("\u2019", "'").strip()
    if not text or len(text) > LONGEST or len(text.splitlines()) > 1:
        return None
    text = " ".join(text.lower().split())
    for short, long in _SHORT.items():
        text = re.sub(rf"\b{short}\b", long, text)
    text = _NOT.sub(" not", text)
    text = _THANKS.sub("", _ASKING.sub("", text))
    text = _HOW.sub("how", text)
    words = _WORD.findall(text)
    return tuple(map(_plain, (w for w in words if w not in _POINTS and w not in _FILLERS))) or None


def _plain(word: str) -> str:
    word = _SAME.get(word, word)
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural and len(word) >= _SHORTEST_PLURAL and word.isascii() else word
