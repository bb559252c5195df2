"""The check of sentences against passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.groundedness.claims import claims_nothing
from seatrial.rag.groundedness.material import Material, bare
from seatrial.rag.groundedness.profile import Profile, profile
from seatrial.rag.groundedness.reasons import (
    NO_PASSAGES,
    NOTHING_SAID,
    VERBATIM,
    Reason,
    reason_of,
    too_long,
)
from seatrial.rag.groundedness.signals import Comparison, compare
from seatrial.rag.groundedness.terms import terms
from seatrial.rag.groundedness.verdict import (
    Entailment,
    Evidence,
    GroundednessVerdict,
    Support,
)

MAX_SENTENCE = 2_000
"""Characters; what is longer is no sentence, and is called unsupported without being read."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A sentence on its way to a verdict: settled by itself, or compared."""

    sentence: str
    settled: GroundednessVerdict | None = None
    found: Comparison | None = None


class Groundedness:
    """Judges sentences. Immutable; may be used from several threads at once.

    Args:
        profile: how signals weigh; None: ``general``.
        embedder: helps to find the evidence where words differ; it never judges.
        entailment: a model whose judgement is combined with the signals'. Numbers, names and
            negations that contradict the passages rule support out, whatever it says.
    """

    def __init__(
        self,
        profile_used: Profile | None = None,
        *,
        embedder: Embedder | None = None,
        entailment: Entailment | None = None,
    ) -> None:
        self.profile = profile() if profile_used is None else profile_used
        self._likeness = None if embedder is None else _Likeness(embedder)
        self._entailment = entailment

    def check(
        self, sentences: Sequence[str], passages: Sequence[str] | Material, *, question: str = ""
    ) -> list[GroundednessVerdict]:
        """Judge sentences against all passages together.

        Args:
            passages: their texts; prepare them once as `Material` where more than one call needs
                them.
            question: what was asked: its words are nothing new in a heading or a question.
        Returns: a verdict for each sentence, in order; evidence counts passages from 0.
        Raises: Unavailable, of the embedder or the entailment model.
        """
        material = passages if isinstance(passages, Material) else Material(passages)
        known = {term.text for term in terms(question)} | material.postings.keys()
        judged = [self._first(sentence, material, known) for sentence in sentences]
        entailed = self._entailed(judged, material)
        return [
            one.settled or self._verdict(one, material, odds)
            for one, odds in zip(judged, entailed, strict=True)
        ]

    def _first(self, sentence: str, material: Material, known: set[str]) -> _Judged:
        if claims_nothing(sentence, known):
            return _Judged(sentence, _settled(Support.NOTHING_SAID, 0.0, None, NOTHING_SAID))
        at = material.verbatim.get(bare(sentence))
        if at is not None:
            evidence = _evidence(material, at)
            return _Judged(sentence, _settled(Support.SUPPORTED, 1.0, evidence, VERBATIM))
        if len(sentence) > MAX_SENTENCE:
            reason = too_long(len(sentence), MAX_SENTENCE)
            return _Judged(sentence, _settled(Support.UNSUPPORTED, 0.0, None, reason))
        if not material.pieces:
            return _Judged(sentence, _settled(Support.UNSUPPORTED, 0.0, None, NO_PASSAGES))
        return _Judged(sentence, found=compare(sentence, material, likeness=self._likeness))

    def _entailed(self, judged: Sequence[_Judged], material: Material) -> list[float | None]:
        """What the entailment model says of each that is not settled, asked for all at once."""
        if self._entailment is None:
            return [None] * len(judged)
        pairs = [
            (" ".join(material.text(i) for i in one.found.window), one.sentence)
            for one in judged
            if one.found is not None
        ]
        told = iter(self._entailment.probabilities(pairs) if pairs else ())
        return [None if one.found is None else float(next(told)) for one in judged]

    def _verdict(
        self, one: _Judged, material: Material, entailed: float | None
    ) -> GroundednessVerdict:
        found = one.found
        assert found is not None
        score = self.profile.score(found.values, entailed)
        supported = score >= self.profile.threshold and found.best is not None
        reason = reason_of(one.sentence, found, supported=supported, entailed=entailed)
        signals = dict(found.values) | ({} if entailed is None else {"entailment": entailed})
        return GroundednessVerdict(
            support=Support.SUPPORTED if supported else Support.UNSUPPORTED,
            score=score,
            evidence=None if found.best is None else _evidence(material, found.best),
            reason=reason.en,
            reason_zh=reason.zh,
            signals=signals,
            also=tuple(_evidence(material, i) for i in found.window if i != found.best),
        )


class _Likeness:
    """Cosine of a sentence to texts, by an embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __call__(self, sentence: str, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._embedder.embed_documents([sentence, *texts])
        return np.asarray(vectors[1:] @ vectors[0], np.float32)


def _evidence(material: Material, piece: int) -> Evidence:
    found = material.pieces[piece]
    return Evidence(passage=found.passage, span=found.span)


def _settled(
    support: Support, score: float, evidence: Evidence | None, reason: Reason
) -> GroundednessVerdict:
    return GroundednessVerdict(
        support=support,
        score=score,
        evidence=evidence,
        reason=reason.en,
        reason_zh=reason.zh,
        signals={},
    )
