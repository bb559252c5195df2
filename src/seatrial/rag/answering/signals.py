"""What is told of a question by what was found for it: the inputs of `confidence`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.groundedness.rarity import UNKNOWN, rarity
from seatrial.rag.groundedness.terms import plain, terms
from seatrial.rag.index.words import WORDS as ANALYSIS
from seatrial.rag.retrieval.found import Found
from seatrial.rag.retrieval.keywords import keywords
from seatrial.rag.text.stemming import english_stem
from seatrial.rag.text.words import Word
from seatrial.rag.text.words import terms as split
from seatrial.rag.text.words import words as placed

N_READ = 5
"""Passages that are looked at, the best."""

Idf: TypeAlias = Callable[[Sequence[str]], NDArray[np.float64]]
"""The inverse document frequency of each of some words; see `rag.index.reading.Index.idf`."""

_HAN = re.compile("[\u3400-\u9fff]")
_ASIDE = re.compile(r"\s*[(（].*")
_LEAST_NAME = 2
"""Characters that a title has at least, to be looked for in a question."""
_THREE = 3


def vector_signals(
    question: str, language: str | None, found: Sequence[Found], idf: Idf
) -> dict[str, float] | None:
    """What words and vectors tell together; None without cosines.

    Args: found: one passage or more.
    Returns: ``share``, the greatest share of the question's weight that one passage holds;
        ``dense``, the highest cosine; ``near``, that of the passage which holds the greatest share:
        where words and vectors do not agree, it is far below the highest.
    """
    asked = ANALYSIS.words(keywords(question, language))
    weights = _weights(asked, idf)
    shares = [_share(weights, words) for words in _words_of(found)]
    cosines = [one.dense for one in found if one.dense is not None]
    if not cosines:
        return None
    most = max(shares)
    near = [
        one.dense
        for one, share in zip(found, shares, strict=False)
        if one.dense is not None and share == most
    ]
    return {"share": most, "dense": max(cosines), "near": max(near, default=min(cosines))}


def word_signals(
    question: str, language: str | None, found: Sequence[Found], idf: Idf
) -> dict[str, float]:
    """What words alone tell.

    Args: found: one passage or more.
    Returns: ``share`` as of `vector_signals`; ``together``, the same by what words say in general,
        their forms being one; ``pairs``, that of neighbouring words; ``lexical``, the highest BM25
        over the sum of the question's idf, in [0, 2.2].
    """
    sought = keywords(question, language)
    asked = ANALYSIS.words(sought)
    weights = _weights(asked, idf)
    pairs = {pair: weights[pair[0]] + weights[pair[1]] for pair in pairwise(asked)}
    general = {term.text: rarity(term.text) for term in terms(sought)}
    read = _words_of(found)
    held = [
        [term.text for part in (one.passage.title, one.passage.text) for term in terms(part)]
        for one in found[:N_READ]
    ]
    bm25 = max((one.lexical for one in found if one.lexical is not None), default=0.0)
    return {
        "share": max(_share(weights, words) for words in read),
        "together": max(_share(general, words) for words in held),
        "pairs": max(_share(pairs, pairwise(words)) for words in read),
        "lexical": bm25 / (float(idf(asked).sum()) or 1.0),
    }


def han_signals(question: str, found: Sequence[Found], idf: Idf) -> dict[str, float]:
    """What words tell of a question in Chinese, of which an index knows neighbouring characters.

    Args: found: one passage or more.
    Returns: ``covered``, the greatest share of what the question's characters say that one passage
        has beside the same neighbours: most pairs that no passage has stand across the border of
        two words, so characters count, and not pairs. ``threes``, the share that lies in
        three neighbours which one passage has so; ``covered`` of a question without three.
        ``apart``, the share by which BM25 of the best document is over the mean of the others that
        were found; 1 where there is no other. ``named``, 1 where the question names a document by
        its title and no two that were found share one: documents of one title are parts of one
        work, and a question that names it may be answered by a part that is not there.
    """
    sought = keywords(question, "zh")
    words = placed(sought)
    weights = _weights_of_places(sought, words, idf)
    read = [f"{one.passage.title}. {one.passage.text}" for one in found[:N_READ]]
    threes = {
        place: sum(weights.get(place + n, 0.0) for n in range(_THREE))
        for place in range(len(sought) - _THREE + 1)
        if sought[place : place + _THREE].isalnum()
    }
    covered = max(_covered(weights, words, text) for text in read)
    in_threes = max(
        _share(threes, [at for at in threes if sought[at : at + _THREE] in text]) for text in read
    )
    return {
        "covered": covered,
        "threes": in_threes if threes else covered,
        "apart": _apart(found),
        "named": float(_is_named(question, found)),
    }


def _weights_of_places(text: str, words: Sequence[Word], idf: Idf) -> dict[int, float]:
    """What each Han character and each other word says, by its place: little if it is in a pair
    that many texts have, much if the corpus has it seldom."""
    least = dict[int, float]()
    for word in words:
        for place in range(word.start, word.end):
            least[place] = min(rarity(word.text), least.get(place, UNKNOWN))
    units = {word.start: word.text for word in words if not _HAN.match(word.text)}
    units |= {one.start(): one.group() for one in _HAN.finditer(text)}
    idfs = idf([english_stem(unit) for unit in units.values()]).tolist()
    return {place: least.get(place, UNKNOWN) * one for place, one in zip(units, idfs, strict=True)}


def _covered(weights: Mapping[int, float], words: Sequence[Word], text: str) -> float:
    """The share of a question's weight that lies in words which a text has."""
    held = {*split(text), *_HAN.findall(text)}
    within = {place for word in words if word.text in held for place in range(word.start, word.end)}
    return _share(weights, within)


def _apart(found: Sequence[Found]) -> float:
    best = dict[str, float]()
    for one in found:
        document = one.passage.document
        best[document] = max(best.get(document, 0.0), one.lexical or 0.0)
    first, *others = sorted(best.values(), reverse=True)
    return 1 - sum(others) / len(others) / first if others and first else float(first > 0)


def _is_named(question: str, found: Sequence[Found]) -> bool:
    titles = {one.passage.document: one.passage.title for one in found}
    if len(set(titles.values())) < len(titles):
        return False
    asked = plain(question).casefold()
    names = (_ASIDE.sub("", plain(one.passage.title)).casefold() for one in found[:N_READ])
    return any(len(name) >= _LEAST_NAME and name in asked for name in names)


def _words_of(found: Sequence[Found]) -> list[list[str]]:
    return [ANALYSIS.words(f"{one.passage.title}. {one.passage.text}") for one in found[:N_READ]]


def _weights(words: Sequence[str], idf: Idf) -> dict[str, float]:
    """What each word says in general times what it says in this corpus: one that no passage of the
    corpus has weighs most."""
    unique = list(dict.fromkeys(words))
    return {
        word: rarity(word) * frequency
        for word, frequency in zip(unique, idf(unique).tolist(), strict=True)
    }


_Weighed = TypeVar("_Weighed")


def _share(weights: Mapping[_Weighed, float], held: Iterable[_Weighed]) -> float:
    """The share in [0, 1] of a weight that what is held has; 0 where there is no weight."""
    total = sum(weights.values())
    return sum(weights[one] for one in weights.keys() & set(held)) / total if total else 0.0
