"""Whether what was found answers a question at all.

Learnt from questions put to corpora that answer them and to corpora of other subjects. It tells
questions that are foreign to a corpus; that a passage on the right subject leaves just this
question open, it hardly sees.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.groundedness.rarity import rarity
from seatrial.rag.groundedness.terms import terms
from seatrial.rag.index.words import WORDS as ANALYSIS
from seatrial.rag.retrieval.found import DenseUse, Found, Retrieved
from seatrial.rag.retrieval.keywords import keywords

N_READ = 5
"""Passages that are looked at, the best."""
WORDS = ("share", "together", "pairs", "lexical")
VECTORS = ("share", "dense", "near")
_KNOWN_VECTORS = "all-minilm-l6-v2"
"""Whose cosines the model with vectors was learnt from; those of others lie elsewhere."""
_UNDERSTOOD = {DenseUse.FULL}

Idf: TypeAlias = Callable[[Sequence[str]], NDArray[np.float64]]
"""The inverse document frequency of each of some words; see `rag.index.reading.Index.idf`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How likely the corpus answers.

    Args:
        probability: in [0, 1], where one question in two is foreign to the corpus.
        answers: whether it is at or above the model's threshold, under which 0.5 % of the questions
            lay that a corpus did answer.
        signals: what it was told by.
    """

    probability: float
    answers: bool
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceModel:
    """Logistic weights by signal, and the probability under which to refuse."""

    weights: Mapping[str, float]
    intercept: float
    threshold: float

    def judge(self, signals: Mapping[str, float]) -> Confidence:
        """Of one question."""
        z = self.intercept + sum(w * signals[name] for name, w in self.weights.items())
        probability = 0.5 * (1 + math.tanh(0.5 * z))
        return Confidence(
            probability=probability, answers=probability >= self.threshold, signals=signals
        )


def confidence(
    question: str, retrieved: Retrieved, *, embedder: str | None, idf: Idf
) -> Confidence:
    """Judge what was found for a question.

    Args:
        question: one of the wordings that were searched.
        retrieved: the first 5 passages are read, and of all the scores are looked at.
        embedder: whose cosines they carry; others than MiniLM's are not looked at, nor those of
            questions in a language that it does not know.
        idf: of the index that was searched.
    Returns: 0 and no answer where nothing was found.
    """
    found = retrieved.found
    if not found:
        return Confidence(probability=0.0, answers=False, signals={})
    signals = None
    if (embedder or "").startswith(_KNOWN_VECTORS) and retrieved.dense_use in _UNDERSTOOD:
        signals = vector_signals(question, retrieved.language, found, idf)
    if signals is not None:
        return _models()["vectors"].judge(signals)
    return _models()["words"].judge(word_signals(question, retrieved.language, found, idf))


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


@cache
def _models() -> Mapping[str, ConfidenceModel]:
    written = json.loads(files(__package__).joinpath("confidence.json").read_text("utf-8"))
    return {
        name: ConfidenceModel(
            weights=model["weights"], intercept=model["intercept"], threshold=model["threshold"]
        )
        for name, model in written.items()
    }
