"""Whether the beginning of a text tells its first tokens: what a tokenizer.json says of that.

A tokenizer cuts a text into words and each word into tokens, so the tokens of a word are known as
soon as the word has ended. Where words end follows from a few characters, for the normalizers and
pre-tokenizers that are listed here; of any other, only a space says it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tokenizers import Encoding

_BEGINS: Final = re.compile(r"[ \t\n]\S")
"""Where a word begins, for every tokenizer."""
_NORMALIZERS: Final = frozenset(
    ("BertNormalizer", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents")
)
_SPLITS: Final = frozenset(
    ("BertPreTokenizer", "ByteLevel", "Digits", "Punctuation", "Whitespace", "WhitespaceSplit")
)
_KEEP_RUNS: Final = frozenset(("BertPreTokenizer", "Punctuation", "Whitespace", "WhitespaceSplit"))
"""Of those, the ones that do not cut among letters and digits."""
_WORDS: Final = 3
"""Words at the end of a beginning that later characters may change: a letter, the marks on it that
a normalizer may sort, and spaces that belong to what follows."""
_CHARACTERS: Final = 64
"""Characters there, besides those of an added token that may be cut."""
_EDGE: Final = re.compile(r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Reads beginnings of texts for one tokenizer.

    Args:
        by_words: whether where words end follows from a few characters.
        margin: characters at the end of a beginning that are not relied on.
        long_word: finds what is too long for any token, and one unknown word however long it is;
            None where a tokenizer knows no such words.
    """

    by_words: bool
    margin: int
    long_word: re.Pattern[str] | None

    @classmethod
    def of(cls, content: str) -> Beginnings:
        """Those of a tokenizer.json."""
        told: Mapping[str, Any] = json.loads(content)
        added = [str(token["content"]) for token in told.get("added_tokens") or ()]
        splits = set(_types(told.get("pre_tokenizer"), "pretokenizers"))
        normalizers = set(_types(told.get("normalizer"), "normalizers"))
        by_words = normalizers <= _NORMALIZERS and splits <= _SPLITS
        apart = all(_EDGE.match(token) and _EDGE.match(token[-1]) for token in added if token)
        longest = _longest(told["model"]) if by_words and apart and splits <= _KEEP_RUNS else None
        return cls(
            by_words=by_words,
            margin=_CHARACTERS + max(map(len, added), default=0),
            long_word=None
            if longest is None
            else re.compile(f"([A-Za-z0-9]{{{longest + 1}}})[A-Za-z0-9]+"),
        )

    def shortened(self, text: str) -> str:
        """The text with the same tokens, and unknown words as long as it takes to be unknown."""
        return text if self.long_word is None else self.long_word.sub(r"\1", text)

    def tells(self, text: str, most: int, found: Encoding) -> bool:
        """Whether no character behind the first ``most`` changes what was found in those.

        Args: found: their tokens, cut, with what was cut off.
        """
        if not found.overflowing:
            return False
        kept = max((end for _, end in found.offsets), default=0)
        if _BEGINS.search(text, kept, most):
            return True
        last, seen = _last_word(found), _last_word(found.overflowing[-1])
        return self.by_words and kept + self.margin <= most and last + _WORDS <= seen


def _last_word(found: Encoding) -> int:
    return max((word for word in found.word_ids if word is not None), default=0)


def _types(part: Mapping[str, Any] | None, many: str) -> Iterator[str]:
    """The types of a part of a tokenizer, of those in it too."""
    if part is None:
        return
    if part["type"] != "Sequence":
        yield part["type"]
    for one in part.get(many) or ():
        yield from _types(one, many)


def _longest(model: Mapping[str, Any]) -> int | None:
    """Characters of the longest word that is not unknown as such; None where there is no end."""
    found: Callable[[], int] | None = {
        "WordPiece": lambda: int(model.get("max_input_chars_per_word", 100)),
        "WordLevel": lambda: max(map(len, model["vocab"]), default=0),
    }.get(model.get("type", ""))
    return None if found is None else found()
