"""The legs of a search, by vectors and by words, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.index.passage import Candidates, Hits
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.words import WORDS

_NOWHERE = ""


def legs_of(
    index: Index, vector: NDArray[np.float32], text: str, k: int, scope: Scope, *, within: int
) -> tuple[Hits, Hits]:
    """What `Index.dense` finds for a vector, and `Index.lexical` for a text and what that found."""
    dense = index.dense(vector, k, scope)
    return dense, index.lexical(text, k, scope, also=dense.keys, within=within)


def both_of(
    index: Index, vector: NDArray[np.float32], text: str, k: int, scope: Scope, *, within: int
) -> Candidates:
    """See `Index.both`: one leg after the other."""
    found = together(legs_of(index, vector, text, k, scope, within=within))
    cosines = found.scores[0]
    (unknown,) = np.isnan(cosines).nonzero()
    if len(unknown):  # found by their words alone
        cosines[unknown] = index.vectors(found.keys[unknown].tolist()) @ vector
    *idf, rarest = index.idf([*dict.fromkeys(WORDS.words(text)), _NOWHERE]).tolist()
    bm25 = np.fmax(found.scores[1], 0.0)
    return Candidates(found.keys, np.array([cosines, bm25]), sum(idf), rarest)


def together(legs: Sequence[Hits]) -> Candidates:
    """All that the legs found, with what each knows of it."""
    keys = np.concatenate([leg.keys for leg in legs])
    if not len(keys):
        return Candidates(keys, np.empty((len(legs), 0)))
    keys.sort()
    fresh = np.empty(len(keys), np.bool_)
    fresh[0] = True
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    keys = keys[fresh]
    scores = np.empty((len(legs), len(keys)))
    scores.fill(np.nan)
    for row, leg in zip(scores, legs, strict=True):
        row[keys.searchsorted(leg.keys)] = leg.scores
    return Candidates(keys, scores)
