"""Fewer of the same: copies are found once, and the best are not all alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEW = 32
"""Texts, of whose vectors single products cost less than those of a matrix."""


def distinct(
    vectors: NDArray[np.float32] | None, texts: Sequence[str], *, cosine: float, shared: float
) -> list[int]:
    """Which passages to keep, in order, so that none repeats a better one.

    A passage repeats another when their words are the same but for a few: at least `shared` of the
    different words of both together (Jaccard). Vectors only say which pairs need looking at, as a
    cosine near 1 also holds for sentences that differ in a number.

    Args:
        vectors: float32 (n, dimensions), unit length, the best passage first; None: look at every
            pair.
        texts: of the passages (n,).
        cosine: in [-1, 1], below it a pair is not looked at.
        shared: in (0, 1].
    Returns: places, ascending.
    """
    near = None
    if vectors is not None:
        few = len(texts) <= _FEW
        near = (np.vecdot(vectors[:, None], vectors) if few else vectors @ vectors.T) >= cosine
        if np.count_nonzero(near) <= len(texts):  # each is near itself alone
            return list(range(len(texts)))
    words: dict[int, frozenset[str]] = {}
    kept: list[int] = []
    for place in range(len(texts)):
        likely = [k for k in kept if near is None or near[place, k]]
        if not any(_alike(texts, words, place, other, shared) for other in likely):
            kept.append(place)
    return kept


def _alike(
    texts: Sequence[str], words: dict[int, frozenset[str]], one: int, other: int, shared: float
) -> bool:
    if texts[one] == texts[other]:
        return True
    shorter, longer = sorted((len(texts[one]), len(texts[other])))
    if shorter < shared * longer / 2:
        return False
    for place in (one, other):
        if place not in words:
            words[place] = frozenset(texts[place].split())
    both = len(words[one] & words[other])
    return both >= shared * (len(words[one]) + len(words[other]) - both)


def mmr(scores: Floats, vectors: NDArray[np.float32], *, k: int, relevance: float) -> list[int]:
    """The k places that are relevant and unlike each other, picked one after the other.

    Each next one has the largest ``relevance * score - (1 - relevance) * likeness``, likeness being
    the highest cosine with what was picked before.

    Args:
        scores: (n,) in [0, 1].
        vectors: float32 (n, dimensions), unit length.
        relevance: in [0, 1]; 1 is the order of the scores.
    Source: Carbonell, Goldstein 1998, The Use of MMR, SIGIR, p. 335.
    """
    likeness = (vectors @ vectors.T).astype(np.float64)
    open_ = np.ones(len(scores), dtype=bool)
    most = np.zeros(len(scores))
    picked: list[int] = []
    for _ in range(min(k, len(scores))):
        gain = np.where(open_, relevance * scores - (1 - relevance) * most, -np.inf)
        best = int(np.argmax(gain))
        picked.append(best)
        open_[best] = False
        most = np.maximum(most, likeness[best]) if len(picked) > 1 else likeness[best].copy()
    return picked
