"""One search: legs, fusion, reading, reranking, one after the other, each with its time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.passage import NO_HITS
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.index.words import WORDS
from seatrial.rag.retrieval.baseline import Baseline
from seatrial.rag.retrieval.diversity import distinct, mmr
from seatrial.rag.retrieval.found import DenseUse, Found, Retrieved
from seatrial.rag.retrieval.fusion import (
    Candidates,
    Floats,
    best_first,
    convex,
    normalised,
    reciprocal_rank,
    together,
)
from seatrial.rag.retrieval.keywords import keywords
from seatrial.rag.retrieval.reranker import Reranker
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.retrieval.settings import Fusion, Mode, RetrievalSettings
from seatrial.rag.retrieval.weighting import LanguagesHeld, dense_use

_SIMILAR = 0.95
"""Cosine from which two passages are looked at for being copies."""
_LEAVES_OUT = {DenseUse.NO_EMBEDDER, DenseUse.LANGUAGE}
_DEEPER = 10
"""What vectors find has its words counted, too, though others have more of them, as long as it is
among so many times the candidates by its words."""
_WHOLE = 1.25
_LEAST = 2.5
"""A BM25 that says all that words can say is so many times the idf of all words of a question, of
2.2 that are possible; of a question of few or common words, which vectors understand, so many times
the idf of a word that no chunk has. See docs/adr/0065."""
_NOWHERE = ""
_OTHER_WORDING = 0.9
"""What a score of another wording is worth beside the question's: each wording's best has up to 1.
See docs/adr/0024."""
_SPARE = 2
"""So many times the passages wanted are read where copies may be dropped."""


@dataclass(slots=True, kw_only=True)
class Search:
    """A question on its way through one index; see `Retriever` for the arguments."""

    index: Index
    embedder: Embedder | None
    baseline: Baseline | None
    languages: LanguagesHeld
    settings: RetrievalSettings
    reranker: Reranker | None
    rewriting: Rewriting | None
    clock: Callable[[], float]
    question: str
    scope: Scope
    k: int
    seconds: dict[str, float] = field(default_factory=dict)
    since: float = 0.0  # when the last stage ended

    def result(self) -> Retrieved:
        """Search."""
        self.since = self.clock()
        wordings = self._wordings()
        language = self.languages.asked(self.question)
        use = self._dense_use(language)
        fused = [self._searched(wording, language, use) for wording in wordings]
        if use is DenseUse.LANGUAGE and not any(len(candidates) for candidates, _ in fused):
            use = DenseUse.LAST_RESORT
            fused = [self._searched(wording, language, use) for wording in wordings]
        candidates, scores = _merged(fused)
        self._spent("fuse")
        return Retrieved(
            questions=wordings,
            language=language,
            found=tuple(self._chosen(candidates, scores)),
            dense_use=use,
            index=self.index.facts.name,
            version=self.index.facts.version,
            rewriting=self.rewriting,
            seconds=self.seconds,
        )

    def _wordings(self) -> tuple[str, ...]:
        if self.rewriting is None:
            return (self.question,)
        self.seconds["rewrite"] = self.rewriting.seconds
        return tuple(dict.fromkeys((self.question, *self.rewriting.wordings)))

    def _dense_use(self, language: str | None) -> DenseUse:
        if self.embedder is None or self.settings.mode is Mode.LEXICAL:
            return DenseUse.NO_EMBEDDER
        if self.settings.mode is Mode.DENSE:
            return DenseUse.FULL
        known = self.embedder.languages
        if known is None and self.baseline is not None and not self.baseline.apart(language):
            known = frozenset()
        return dense_use(language, known)

    def _searched(
        self, wording: str, language: str | None, use: DenseUse
    ) -> tuple[Candidates, Floats]:
        """What one wording finds, with its fused scores."""
        depth = max(self.settings.candidates, self.k)
        vector = None
        unrelated = 0.0
        dense = lexical = NO_HITS
        if self.embedder is not None and use not in _LEAVES_OUT:
            vector = self.embedder.embed_queries([wording])[0]
            if self.baseline is not None:
                unrelated = self.baseline.cosine(language)
            self._spent("embed")
            dense = self.index.dense(vector, depth, self.scope)
            self._spent("dense")
        if self.settings.mode is not Mode.DENSE and use is not DenseUse.LAST_RESORT:
            searched = keywords(wording, language)
            lexical = self.index.lexical(
                searched, depth, self.scope, also=dense.keys, within=depth * _DEEPER
            )
            self._spent("lexical")
        candidates = together((dense, lexical))
        if vector is None:
            scores = normalised(candidates.scores[1], 0.0)
        elif not len(lexical):
            scores = normalised(candidates.scores[0], -1.0)
        else:
            bounds = unrelated, self._whole(searched, use)
            scores = self._fused(candidates, vector, use, bounds)
        self._spent("fuse")
        return candidates, scores

    def _whole(self, searched: str, use: DenseUse) -> float:
        """The BM25 of a passage that says all that is searched by words."""
        *told, most = self.index.idf([*dict.fromkeys(WORDS.words(searched)), _NOWHERE]).tolist()
        least = _LEAST * most if use is DenseUse.FULL else 0.0
        return float(max(_WHOLE * sum(told), least))

    def _fused(
        self,
        candidates: Candidates,
        vector: NDArray[np.float32],
        use: DenseUse,
        bounds: tuple[float, float],
    ) -> Floats:
        settings = self.settings
        unrelated, whole = bounds
        cosines, bm25 = candidates.scores
        share = settings.foreign_weight if use is DenseUse.WEAK else settings.dense_weight
        if settings.fusion is Fusion.RECIPROCAL_RANK:
            return reciprocal_rank(candidates.scores, settings.rrf_k, (share, 1 - share))
        (unknown,) = np.isnan(cosines).nonzero()
        if len(unknown):  # found by its words only: its cosine is looked up
            cosines[unknown] = self.index.vectors(candidates.keys[unknown].tolist()) @ vector
        if cosines.max() <= unrelated:  # nothing is nearer than any text: words alone tell
            return normalised(bm25, 0.0)
        nearness = (cosines - unrelated) / (1 - unrelated)
        return convex(
            (normalised(nearness, -1.0), normalised(bm25, 0.0, whole)), (share, 1 - share)
        )

    def _chosen(self, candidates: Candidates, scores: Floats) -> list[Found]:
        """The best without copies, in the reranker's order where there is one, not all alike."""
        settings = self.settings
        n = self.k if settings.relevance == 1 else self.k * _SPARE
        if self.reranker is not None:
            n = max(n, settings.reranked)
        best = best_first(scores)
        found = self._distinct(self._read(candidates, scores, best[:n]))
        if len(found) < min(n, len(best)):  # copies were dropped: others take their places
            found = self._distinct(self._read(candidates, scores, best[: n * _SPARE]))[:n]
        if self.reranker is not None and found:
            found = _reranked(self.reranker, self.question, found, settings.reranked)
            self._spent("rerank")
        if settings.relevance < 1 and (vectors := self._vectors(found)) is not None:
            relevances = np.array([one.score for one in found])
            places = mmr(relevances, vectors, k=self.k, relevance=settings.relevance)
            found = [found[place] for place in places]
            self._spent("diversity")
        return found[: self.k]

    def _read(
        self, candidates: Candidates, scores: Floats, places: NDArray[np.intp]
    ) -> list[Found]:
        """Candidates as passages."""
        passages = self.index.passages(candidates.keys[places].tolist())
        legs = candidates.scores[:, places].tolist()
        found = [
            Found(
                passage=passage,
                score=score,
                dense=None if math.isnan(dense) else dense,
                lexical=None if math.isnan(lexical) else lexical,
            )
            for passage, score, dense, lexical in zip(
                passages, scores[places].tolist(), *legs, strict=True
            )
        ]
        self._spent("read")
        return found

    def _distinct(self, found: list[Found]) -> list[Found]:
        """Without those that repeat a better one."""
        shared = self.settings.repeats
        if shared is None or len(found) < 2:
            return found
        texts = [one.passage.text for one in found]
        places = distinct(self._vectors(found), texts, cosine=_SIMILAR, shared=shared)
        self._spent("distinct")
        return [found[place] for place in places]

    def _vectors(self, found: Sequence[Found]) -> NDArray[np.float32] | None:
        if self.index.facts.embedder is None or not found:
            return None
        return self.index.vectors([one.passage.key for one in found])

    def _spent(self, stage: str) -> None:
        """Add the time since the last stage to that of a stage."""
        now = self.clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + (now - self.since)
        self.since = now


def _merged(fused: Sequence[tuple[Candidates, Floats]]) -> tuple[Candidates, Floats]:
    """What several wordings found, the question's first: each chunk with the best of its scores,
    where those of other wordings count a little less."""
    if len(fused) == 1:
        return fused[0]
    keys = np.unique(np.concatenate([candidates.keys for candidates, _ in fused]))
    legs = np.full((2, len(keys)), np.nan)
    best = np.zeros(len(keys))
    for place, (candidates, scores) in enumerate(fused):
        share = _OTHER_WORDING if place else 1.0
        places = np.searchsorted(keys, candidates.keys)
        legs[:, places] = np.fmax(legs[:, places], candidates.scores)
        best[places] = np.maximum(best[places], share * scores)
    return Candidates(keys, legs), best


def _reranked(reranker: Reranker, question: str, found: list[Found], n: int) -> list[Found]:
    """The best n in the order of a reranker; the others behind them as they were.

    Scores of a reranker have no unit, so they are put between those of the fusion: the places are
    the reranker's, the scores fall as the fused ones did.
    """
    first, rest = found[:n], found[n:]
    judged = reranker.scores(question, [one.passage.text for one in first])
    order = np.lexsort((np.arange(len(first)), -judged))
    return [
        msgspec.structs.replace(first[place], score=held.score, reranked=float(judged[place]))
        for place, held in zip(order, first, strict=True)
    ] + rest
