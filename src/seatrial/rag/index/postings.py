"""The words of many texts, by word: where each occurs and how often.

Words are kept as 64-bit hashes: among a million different ones, two share a hash with a probability
of 3e-8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.numbering import numbered
from seatrial.rag.index.pieces import Pieces

_MOST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class Analysis:
    """How a text becomes the words that are searched.

    Args:
        name: equal names split equally.
        split: a text to its words in order, repeated as they occur.
        form: a word to what is compared in its place, its stem; asked once for each different word.
        pieces: a text in UTF-8 to pieces which together have its words, in any order; one of ASCII
            letters and digits alone is a word. None: texts are split whole, which is slower.
        of_run: what stands between spaces in a text of ASCII to its words as they are compared,
            which together are those of the text; it may remember them. None: as `pieces`.
    """

    name: str
    split: Callable[[str], Sequence[str]]
    form: Callable[[str], str] = str
    pieces: Callable[[bytes], Pieces] | None = None
    of_run: Callable[[str], Sequence[str]] | None = None

    def words(self, text: str) -> list[str]:
        """The words of a text as they are compared."""
        if self.of_run is None or not text.isascii():
            return list(map(self.form, self.split(text)))
        return [word for run in text.split() for word in self.of_run(run)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """The words of texts 0, 1, ..., n - 1.

    Args:
        hashes: uint64 (n_words,), rising.
        bounds: int64 (n_words + 1,): where the occurrences of each word begin.
        rows: int32, or uint16 from a file: the texts that have a word, rising.
        counts: uint16, or uint8 from a file: how often each has it, at most 65,535.
        lengths: int32 (n,): words of each text.
    """

    hashes: NDArray[np.uint64]
    bounds: NDArray[np.int64]
    rows: NDArray[np.integer[Any]]
    counts: NDArray[np.unsignedinteger[Any]]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Iterable[str], analysis: Analysis) -> Postings:
        """From texts."""
        words, numbers, lengths = numbered(texts, analysis.split, analysis.pieces)
        forms, form_of = np.unique(hashes_of(map(analysis.form, words)), return_inverse=True)
        rows = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        words_of = form_of[numbers].astype(np.int32)
        order = _stable_order(words_of)
        words_of, rows = words_of[order], rows[order]
        first = np.ones(len(rows), np.bool_)  # of each word in each row
        first[1:] = (words_of[1:] != words_of[:-1]) | (rows[1:] != rows[:-1])
        starts = np.flatnonzero(first)
        counts = np.diff(starts, append=len(rows))
        return cls(
            hashes=forms,
            bounds=np.searchsorted(words_of[starts], np.arange(len(forms) + 1)),
            rows=rows[starts],
            counts=np.minimum(counts, _MOST).astype(np.uint16),
            lengths=lengths,
        )

    def places(self, sought: NDArray[np.uint64]) -> list[tuple[int, int]]:
        """Where in `rows` and `counts` the occurrences of each word (n,) begin and end, by its
        hash; both are equal for a word that is not there."""
        held, start_of, n = self.hashes.item, self.bounds.item, len(self.hashes)
        return [
            (start_of(at), start_of(at + 1)) if at < n and held(at) == word else (0, 0)
            for at, word in zip(
                self.hashes.searchsorted(sought).tolist(), sought.tolist(), strict=True
            )
        ]


def hashes_of(words: Iterable[str]) -> NDArray[np.uint64]:
    """The hash of each word, the same everywhere."""
    digests = [blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8) for word in words]
    return np.frombuffer(b"".join([one.digest() for one in digests]), "<u8")


def _stable_order(numbers: NDArray[np.int32]) -> NDArray[np.intp]:
    """The order of numbers >= 0, equal ones as they stand: of 16 bits at a time, which numpy sorts
    without comparing."""
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    if len(numbers) and numbers.max() > _MOST:
        order = order[np.argsort((numbers[order] >> 16).astype(np.uint16), kind="stable")]
    return order
