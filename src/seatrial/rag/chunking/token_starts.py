"""Where the tokens of a text begin, with as little work for the tokenizer as it allows.

A tokenizer that splits at spaces and punctuation before anything else (WordPiece, and SentencePiece
at spaces) gives a word the same tokens wherever it stands. Whether one does so is found by trying;
then each distinct word is tokenized once, and kept. Others tokenize every text, in blocks.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.embedding.embedder import Tokenizer

_BLOCK = 1 << 16
_MAX_KEPT = 1 << 22  # characters of words kept, some 60 MB with what belongs to them
_SURROGATE = re.compile("[\ud800-\udfff]")

_WORD, _SPACE, _ALONE = 0, 1, 2
_SPACES = "".join(map(chr, (0x20, 0x09, 0x0A, 0x0D, 0xA0, *range(0x2000, 0x200B), 0x2028, 0x2029)))
_SPACES += "\u202f\u205f\u3000"
# Chinese characters as tokenizers of the BERT family delimit them.
_HAN = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00))
_PUNCTUATED = (range(0x2010, 0x205F), range(0x3001, 0x3020), range(0xFF01, 0xFF20))

_PROBES = (
    'The ship\'s captain (b. 1970) re-read: "antidisestablishmentarianism", e.g. foo_bar/baz=3.14!',
    "Zürich naïve xqzjw Kubernetes\tpre-trained\r\n#tag @you $5 50% a+b <p>x</p> [12] {y} ~z `q` ^",
    "seatrial groundedness rigmarole wherewithal quixotic zephyr oblong jurisdiction flabbergasted",
    "trans-shipment unrecoverable mitochondrial phosphorylation kwargs getattr isinstance numpy",
    "图书馆在2021年开放，Python编程。東京タワー「です」！한국어 텍스트 Привет, мир… “цитата” – да",
)


def _kinds(*, alone: bool) -> bytes:
    """Per character of the basic plane whether it is a space, stands alone, or joins a word."""
    kinds = bytearray(1 << 16)
    for space in _SPACES:
        kinds[ord(space)] = _SPACE
    if alone:
        for first, end in _HAN:
            kinds[first:end] = bytes([_ALONE]) * (end - first)
        for mark in string.punctuation:
            kinds[ord(mark)] = _ALONE
        for points in _PUNCTUATED:
            for point in points:
                if unicodedata.category(chr(point)).startswith("P"):
                    kinds[point] = _ALONE
    return bytes(kinds)


@dataclass(frozen=True, slots=True, eq=False)
class TokenStarts:
    """Where the tokens of a text begin.

    Args:
        starts: int64 (n_tokens,), in order.
        exact: whether a part of the text has as many tokens when it is tokenized alone as begin
            in it here: of a part ``[start, end)``.
    """

    starts: NDArray[np.int64]
    exact: Callable[[int, int], bool]


class TokenFinder:
    """Finds tokens, and keeps those of words. May be used from several threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._lock = Lock()
        self._kinds: bytes | None = None
        self._tried = False
        self._words = _Words()

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, tokenized alone."""
        return [len(spans) for spans in self._offsets(texts)]

    def offsets(self, text: str) -> NDArray[np.int64]:
        """Where the tokens of one text begin when it is tokenized alone: int64 (n_tokens,)."""
        return self._offsets([text])[0][:, 0].astype(np.int64)

    def find(self, text: str) -> TokenStarts:
        """The tokens of a text."""
        with self._lock:
            if not self._tried:
                self._kinds = self._trial()
                self._tried = True
        kinds = self._kinds
        blocks = _blocks(text, kinds)
        if kinds is None:
            found = self._offsets([text[start:end] for start, end in blocks])
            places = [spans[:, 0].astype(np.int64) for spans in found]
        else:
            places = [self._by_words(text[start:end], kinds) for start, end in blocks]
        starts = np.concatenate([at + start for at, (start, _) in zip(places, blocks, strict=True)])

        def is_exact(start: int, end: int) -> bool:
            return kinds is not None and _is_edge(text, start, kinds) and _is_edge(text, end, kinds)

        return TokenStarts(starts, is_exact)

    def _trial(self) -> bytes | None:
        whole = [spans[:, 0] for spans in self._offsets(_PROBES)]
        for alone in (True, False):
            kinds = _kinds(alone=alone)
            parts = [self._by_words(probe, kinds) for probe in _PROBES]
            if all(map(np.array_equal, whole, parts)):
                return kinds
            self._words = _Words()
        return None

    def _offsets(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return self._tokenizer.offsets([_encodable(text) for text in texts]) if texts else []

    def _by_words(self, text: str, kinds: bytes) -> NDArray[np.int64]:
        word_starts, word_ends = _word_spans(text, kinds)
        words = [text[a:b] for a, b in zip(word_starts.tolist(), word_ends.tolist(), strict=True)]
        if self._words.n_characters > _MAX_KEPT:
            self._words = _Words()
        kept = self._words
        with kept.lock:
            new = list(dict.fromkeys(word for word in words if word not in kept.rows))
            for word, spans in zip(new, self._offsets(new), strict=True):
                kept.add(word, spans[:, 0])
        rows = np.fromiter(map(kept.rows.__getitem__, words), np.int64, len(words))
        return kept.starts(rows, word_starts)


class _Words:
    """Words with their tokens: where each begins in its word, all in one array that grows."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.n_characters = 0
        self.lock = Lock()
        self._first = np.zeros(1024, np.int64)
        self._n_tokens = np.zeros(1024, np.int64)
        self._within = np.zeros(1024, np.int64)
        self._end = 0

    def add(self, word: str, within: NDArray[np.int32]) -> None:
        row = len(self.rows)
        self._first = _with_room(self._first, row + 1)
        self._n_tokens = _with_room(self._n_tokens, row + 1)
        end = self._end + len(within)
        self._within = _with_room(self._within, end)
        self._first[row], self._n_tokens[row] = self._end, len(within)
        self._within[self._end : end] = within
        self._end = end
        self.n_characters += len(word)
        self.rows[word] = row

    def starts(self, rows: NDArray[np.int64], word_starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where tokens begin: of words by row, each standing where `word_starts` says."""
        n_tokens = self._n_tokens[rows]
        before = np.cumsum(n_tokens) - n_tokens
        nth = np.arange(int(n_tokens.sum())) - np.repeat(before, n_tokens)
        within: NDArray[np.int64] = self._within[np.repeat(self._first[rows], n_tokens) + nth]
        return np.add(np.repeat(word_starts, n_tokens), within)


def _with_room(array: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    if size <= len(array):
        return array
    return np.concatenate([array, np.zeros(max(size, len(array)), np.int64)])


def _word_spans(text: str, kinds: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    table = np.frombuffer(kinds, np.uint8)
    kind = table[np.where(points < len(table), points, 0)]
    begins = np.ones(len(points) + 1, np.bool_)
    begins[1:-1] = (kind[1:] != kind[:-1]) | (kind[1:] == _ALONE)
    edges = np.flatnonzero(begins)
    words = kind[edges[:-1]] != _SPACE if len(points) else np.zeros(0, np.bool_)
    return edges[:-1][words], edges[1:][words]


def _is_edge(text: str, at: int, kinds: bytes) -> bool:
    """Whether no word lies across a place."""
    if at in (0, len(text)):
        return True
    before, after = ord(text[at - 1]), ord(text[at])
    return (before < len(kinds) and kinds[before] != _WORD) or (
        after < len(kinds) and kinds[after] != _WORD
    )


def _blocks(text: str, kinds: bytes | None) -> list[tuple[int, int]]:
    """Parts of a text, none longer than `_BLOCK`, that end at spaces, else between words."""
    blocks = []
    start = 0
    while len(text) - start > _BLOCK:
        end = start + _BLOCK
        space = max(text.rfind("\n", start, end), text.rfind(" ", start, end)) + 1
        if space > start:
            end = space
        elif kinds:
            end = next((at for at in range(end, end - 999, -1) if _is_edge(text, at, kinds)), end)
        blocks.append((start, end))
        start = end
    return [*blocks, (start, len(text))]


def _encodable(text: str) -> str:
    """The text with lone surrogates, which no tokenizer takes, replaced one for one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text
