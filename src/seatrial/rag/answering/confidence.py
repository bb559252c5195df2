"""Whether what was found answers a question at all.

Learnt from questions put to corpora that answer them and to corpora of other subjects. It tells
questions that are foreign to a corpus; that a passage on the right subject leaves just this
question open, it hardly sees.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from seatrial.rag.groundedness.material import Material
from seatrial.rag.groundedness.rarity import rarity
from seatrial.rag.groundedness.signals import compare
from seatrial.rag.groundedness.terms import terms
from seatrial.rag.retrieval.found import Found
from seatrial.rag.retrieval.keywords import keywords

N_READ = 5
"""Passages that are looked at, the best."""
WORDS = ("together", "window", "phrases", "lexical")
VECTORS = (*WORDS, "dense")
_KNOWN_VECTORS = "all-minilm-l6-v2"
"""Whose cosines the model with vectors was learnt from; those of others lie elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How likely the corpus answers.

    Args:
        probability: in [0, 1], where one question in two is foreign to the corpus.
        answers: whether it is at or above the model's threshold, under which 2 % of the questions
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
    question: str, language: str | None, found: Sequence[Found], *, embedder: str | None
) -> Confidence:
    """Judge what was found for a question.

    Args:
        language: of the question, ISO 639-1.
        found: the best first; the first 5 are looked at.
        embedder: whose cosines they carry; others than MiniLM's are not looked at.
    Returns: 0 and no answer where nothing was found.
    """
    if not found:
        return Confidence(probability=0.0, answers=False, signals={})
    cosines = [one.dense for one in found if one.dense is not None]
    dense = max(cosines) if cosines and (embedder or "").startswith(_KNOWN_VECTORS) else None
    signals = question_signals(
        question,
        language,
        [(one.passage.title, one.passage.text) for one in found[:N_READ]],
        bm25=max((one.lexical for one in found if one.lexical is not None), default=0.0),
        dense=dense,
    )
    return _models()["words" if dense is None else "vectors"].judge(signals)


def question_signals(
    question: str,
    language: str | None,
    passages: Sequence[tuple[str, str]],
    *,
    bm25: float,
    dense: float | None,
) -> dict[str, float]:
    """What tells whether passages answer a question.

    Args:
        passages: title and text.
        bm25: the highest of any passage for the words of the question, >= 0.
        dense: the highest cosine of any passage; None for none.
    """
    sought = keywords(question, language)
    material = Material([text for _, text in passages], [title for title, _ in passages])
    values = compare(sought, material).values
    asked = {term.text for term in terms(sought)}
    total = sum(map(rarity, asked)) or 1.0
    held = [{term.text for part in passage for term in terms(part)} & asked for passage in passages]
    signals = {
        "together": max((sum(map(rarity, one)) for one in held), default=0.0) / total,
        "window": values["window"],
        "phrases": values["phrases"],
        "lexical": bm25 / (1 + len(asked)),
    }
    return signals if dense is None else signals | {"dense": dense}


@cache
def _models() -> Mapping[str, ConfidenceModel]:
    written = json.loads(files(__package__).joinpath("confidence.json").read_text("utf-8"))
    return {
        name: ConfidenceModel(
            weights=model["weights"], intercept=model["intercept"], threshold=model["threshold"]
        )
        for name, model in written.items()
    }
