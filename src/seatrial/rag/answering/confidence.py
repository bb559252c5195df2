"""Whether what was found answers a question at all.

Learnt from questions put to corpora that answer them and to corpora of other subjects. It tells
questions that are foreign to a corpus; that a passage on the right subject leaves just this
question open, it hardly sees.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from seatrial.rag.answering.signals import Idf, han_signals, vector_signals, word_signals
from seatrial.rag.retrieval.found import DenseUse, Retrieved

WORDS = ("share", "together", "pairs", "lexical")
HAN = ("covered", "threes", "apart", "named")
VECTORS = ("share", "dense", "near")
_KNOWN_VECTORS = "all-minilm-l6-v2"
"""Whose cosines the model with vectors was learnt from; those of others lie elsewhere."""
_UNDERSTOOD = {DenseUse.FULL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How likely the corpus answers.

    Args:
        probability: in [0, 1], where one question in two is foreign to the corpus.
        answers: whether it is at or above the model's threshold, under which 0.5 % of the questions
            lay that a corpus did answer; in Chinese 0.25 %.
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
    if retrieved.language == "zh":
        return _models()["han"].judge(han_signals(question, found, idf))
    return _models()["words"].judge(word_signals(question, retrieved.language, found, idf))


@cache
def _models() -> Mapping[str, ConfidenceModel]:
    written = json.loads(files(__package__).joinpath("confidence.json").read_text("utf-8"))
    return {
        name: ConfidenceModel(
            weights=model["weights"], intercept=model["intercept"], threshold=model["threshold"]
        )
        for name, model in written.items()
    }
