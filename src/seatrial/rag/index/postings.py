"""The words of many texts, by word: where each occurs and how often.

Words are kept as 64-bit hashes: among a million different ones, two share a hash with a probability
of 3e-8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_MOST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class Analysis:
    """How a text becomes the words that are searched.

    Args:
        name: equal names split equally.
        words: in order, repeated as they occur.
    """

    name: str
    words: Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """The words of texts 0, 1, ..., n - 1.

    Args:
        hashes: uint64 (n_words,), rising.
        bounds: int64 (n_words + 1,): where the occurrences of each word begin.
        rows: int32: the texts that have a word, rising.
        counts: uint16: how often each has it, at most 65,535.
        lengths: int32 (n,): words of each text.
    """

    hashes: NDArray[np.uint64]
    bounds: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.uint16]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]]) -> Postings:
        """From the words of each text."""
        number_of: dict[str, int] = {}
        numbered: list[NDArray[np.int64]] = []
        for words in texts:
            numbers = [number_of.setdefault(word, len(number_of)) for word in words]
            numbered.append(np.array(numbers, np.int64))
        lengths = np.array([len(numbers) for numbers in numbered], np.int32)
        hashes = hashes_of(number_of)
        order = np.argsort(hashes)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        words_in_order = place[np.concatenate(numbered)] if numbered else place[:0]
        n = max(len(lengths), 1)
        occurrences = words_in_order * n + np.repeat(np.arange(len(lengths)), lengths)
        pairs, counts = _counted(occurrences)
        return cls(
            hashes=hashes[order],
            bounds=np.searchsorted(pairs, np.arange(len(order) + 1) * n),
            rows=(pairs % n).astype(np.int32),
            counts=np.minimum(counts, _MOST).astype(np.uint16),
            lengths=lengths,
        )

    def places(self, hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Where in `rows` and `counts` the occurrences of words begin and end: (n_words, 2).

        Both are 0 for a word that is not there.
        """
        places = np.zeros((len(hashes), 2), np.int64)
        if len(self.hashes):
            at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
            known = self.hashes[at] == hashes
            places[known, 0] = self.bounds[at[known]]
            places[known, 1] = self.bounds[at[known] + 1]
        return places


def hashes_of(words: Iterable[str]) -> NDArray[np.uint64]:
    """The hash of each word, the same everywhere."""
    digests = b"".join(
        blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest() for word in words
    )
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def _counted(values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The different values in order, and how often each occurs."""
    values = np.sort(values)
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    return values[starts], np.diff(starts, append=len(values))
