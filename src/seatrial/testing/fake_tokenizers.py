"""Tokenizers without a vocabulary, one for each way in which real ones treat a part of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int32]


class PieceTokenizer:
    """Like WordPiece: words and marks by themselves, words in a piece of three letters and others
    of five, Chinese characters each, nothing of white space. Cutting a word changes its pieces."""

    name = "fake-pieces"
    _WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+|[^\w\s]|_")

    def offsets(self, texts: Sequence[str]) -> list[Offsets]:
        """See `Tokenizer`."""
        return [_array(self._spans(text)) for text in texts]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for word in self._WORD.finditer(text):
            start, end = word.span()
            first = min(start + 3, end)
            yield start, first
            yield from ((at, min(at + 5, end)) for at in range(first, end, 5))


class JoiningTokenizer:
    """Like BPE of the GPT family: a space belongs to the word behind it, so a word at the start of
    a text has other tokens than within."""

    name = "fake-joining"
    _WORD = re.compile(r" ?\w+| ?[^\w\s]+|\s+")

    def offsets(self, texts: Sequence[str]) -> list[Offsets]:
        """See `Tokenizer`."""
        return [_array(self._spans(text)) for text in texts]

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for word in self._WORD.finditer(text):
            start, end = word.span()
            yield from ((at, min(at + 4, end)) for at in range(start, end, 4))


class ByteTokenizer:
    """A token for each byte of UTF-8: a character beyond ASCII has several, with its one span."""

    name = "fake-bytes"

    def offsets(self, texts: Sequence[str]) -> list[Offsets]:
        """See `Tokenizer`."""
        return [
            _array((at, at + 1) for at, mark in enumerate(text) for _ in mark.encode())
            for text in texts
        ]


def _array(spans: Iterable[tuple[int, int]]) -> Offsets:
    return np.array(list(spans), np.int32).reshape(-1, 2)
