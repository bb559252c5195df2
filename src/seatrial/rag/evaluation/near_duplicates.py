"""Documents that are the same, or nearly so.

Each document becomes a signature of the smallest hashes of its runs of words; documents whose
signatures agree somewhere are looked at again, word run by word run. Nothing here grows with the
square of their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.text.document import Document
from seatrial.rag.text.words import terms

_RUN = 3
_BANDS = 24
_ROWS = 4
_MOST_TERMS = 4000
_MOST_TEXT = 40_000
"""Of a longer document, its first characters are compared."""
_MOST_IN_BUCKET = 32

Hashes = NDArray[np.uint64]


def duplicates(documents: Iterable[Document]) -> tuple[tuple[str, ...], ...]:
    """Ids of documents whose texts are the same, white space aside; groups of two or more."""
    groups: dict[bytes, list[str]] = defaultdict(list)
    for document in documents:
        words = " ".join(document.text.split())
        groups[blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()].append(
            document.id
        )
    return _sorted(groups.values())


def near_duplicates(
    documents: Sequence[Document], *, shared: float = 0.8
) -> tuple[tuple[str, ...], ...]:
    """Ids of documents that share most of their runs of three words; groups of two or more.

    A group is what hangs together by pairs that share at least `shared` of the runs of both
    together (Jaccard). Of pairs that share 0.8, one in 300,000 is missed, of those that share 0.6
    one in 28. Documents of fewer than three words are left out.

    Args:
        shared: in (0.5, 1].
    Source: Broder 1997, On the Resemblance and Containment of Documents; Leskovec, Rajaraman,
        Ullman, Mining of Massive Datasets, 3.4, for the bands.
    """
    runs = {n: found for n, doc in enumerate(documents) if len(found := _runs(doc.text))}
    if not runs:
        return ()
    places = list(runs)
    signatures = np.stack([_signature(runs[place]) for place in places])
    joined = _Joined(len(documents))
    for band in range(_BANDS):
        keys = np.ascontiguousarray(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        for bucket in _buckets(keys):
            _join(joined, [places[member] for member in bucket], runs, shared)
    groups: dict[int, list[str]] = defaultdict(list)
    for place in places:
        groups[joined.root(place)].append(documents[place].id)
    return _sorted(groups.values())


def _runs(text: str) -> Hashes:
    """Hashes (n,) of the different runs of words of a text, ascending."""
    words = terms(text[:_MOST_TEXT])[:_MOST_TERMS]
    if len(words) < _RUN:
        return np.empty(0, np.uint64)
    hashed = np.fromiter((hash_of(word) for word in words), np.uint64, len(words))
    mixed = hashed[: len(words) - _RUN + 1].copy()
    for step in range(1, _RUN):
        mixed = (mixed * _ODD) ^ hashed[step : len(words) - _RUN + 1 + step]
    return np.unique(_scrambled(mixed))


def hash_of(word: str) -> int:
    """64 bits of a word, the same in every process."""
    return int.from_bytes(
        blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


_ODD = np.uint64(0x9E3779B97F4A7C15)
_SEEDS = np.random.default_rng(0).integers(1, 2**64, size=_BANDS * _ROWS, dtype=np.uint64) | 1


def _scrambled(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64: each bit depends on all."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signature(runs: Hashes) -> Hashes:
    """The smallest (n_hashes,) of the runs under each of the hash functions."""
    smallest = np.empty(len(_SEEDS), np.uint64)
    for place, seed in enumerate(_SEEDS):
        smallest[place] = _scrambled(runs * seed).min()
    return smallest


def _buckets(keys: Hashes) -> Iterable[list[int]]:
    """Places of rows that are equal, two or more at a time."""
    rows = keys.view(np.dtype((np.void, keys.dtype.itemsize * keys.shape[1]))).ravel()
    _, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True)
    members: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(counts[inverse] > 1):
        members[int(inverse[place])].append(int(place))
    return members.values()


class _Joined:
    """Which hang together (union-find)."""

    def __init__(self, n: int) -> None:
        self._above = list(range(n))

    def root(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def join(self, one: int, other: int) -> None:
        self._above[self.root(other)] = self.root(one)


def _join(
    joined: _Joined, bucket: Sequence[int], runs: Mapping[int, Hashes], shared: float
) -> None:
    """Compare each member with one of each group before it, at most so many."""
    heads: list[int] = []
    for place in bucket:
        for head in heads[:_MOST_IN_BUCKET]:
            if joined.root(head) == joined.root(place):
                break
            if _jaccard(runs[head], runs[place]) >= shared:
                joined.join(head, place)
                break
        else:
            heads.append(place)


def _jaccard(one: Hashes, other: Hashes) -> float:
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def _sorted(groups: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    several = [tuple(sorted(group)) for group in groups if len(group) > 1]
    return tuple(sorted(several, key=lambda group: (-len(group), group)))
