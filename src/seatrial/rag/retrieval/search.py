"""One search: legs, fusion, reading, reranking, one after the other, each with its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import isnan

import msgspec
import numpy as np
from numpy.typing import NDArray

from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.index.legs import legs_of, together
from seatrial.rag.index.passage import NO_HITS, Candidates, Hits
from seatrial.rag.index.reading import Index, Scope
from seatrial.rag.retrieval.baseline import Baseline
from seatrial.rag.retrieval.diversity import distinct, mmr
from seatrial.rag.retrieval.found import DenseUse, Found, Retrieved
from seatrial.rag.retrieval.fusion import (
    Floats,
    best_first,
    mixed,
    normalised,
    reciprocal_rank,
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
        if self.embedder is None or use in _LEAVES_OUT:
            hits = self.index.lexical(keywords(wording, language), depth, self.scope)
            self._spent("lexical")
            candidates = together((NO_HITS, hits))
            return candidates, normalised(candidates.scores[1], 0.0)
        vector = self.embedder.embed_queries([wording])[0]
        unrelated = 0.0 if self.baseline is None else self.baseline.cosine(language)
        self._spent("embed")
        if self.settings.mode is Mode.DENSE or use is DenseUse.LAST_RESORT:
            hits = self.index.dense(vector, depth, self.scope)
            self._spent("dense")
            candidates = together((hits, NO_HITS))
            return candidates, normalised(candidates.scores[0], -1.0)
        return self._fused(vector, keywords(wording, language), depth, use, unrelated)

    def _fused(
        self,
        vector: NDArray[np.float32],
        words: str,
        depth: int,
        use: DenseUse,
        unrelated: float,
    ) -> tuple[Candidates, Floats]:
        settings, within, share = self.settings, depth * _DEEPER, self._share(use)
        if settings.fusion is Fusion.NATIVE:
            native = self._native(vector, words, depth, share)
            if native is not None:
                return native
        if settings.fusion is Fusion.RECIPROCAL_RANK:
            legs = legs_of(self.index, vector, words, depth, self.scope, within=within)
            self._spent("search")
            candidates = together(legs)
            scores = reciprocal_rank(candidates.scores, settings.rrf_k, (share, 1 - share))
        else:
            candidates = self.index.both(vector, words, depth, self.scope, within=within)
            self._spent("search")
            least = _LEAST * candidates.rarest if use is DenseUse.FULL else 0.0
            whole = max(_WHOLE * candidates.sought, least)
            scores = mixed(candidates.scores, share=share, unrelated=unrelated, whole=whole)
        self._spent("fuse")
        return candidates, scores

    def _native(
        self, vector: NDArray[np.float32], words: str, depth: int, share: float
    ) -> tuple[Candidates, Floats] | None:
        """What the store finds by words and vector at once, with what the index knows of it; None
        where there is no such store."""
        hits = self.index.hybrid(vector, words, depth, self.scope, dense_weight=share)
        if hits is None:
            return None
        self._spent("native")
        order = hits.keys.argsort()
        keys = hits.keys[order]
        cosines = Hits(keys, self.index.vectors(keys.tolist()) @ vector)
        lexical = self.index.lexical(words, depth, self.scope, also=keys, within=depth * _DEEPER)
        known = np.isin(lexical.keys, keys)
        candidates = together((cosines, Hits(lexical.keys[known], lexical.scores[known])))
        self._spent("lexical")
        return candidates, normalised(hits.scores[order].astype(np.float64), 0.0)

    def _share(self, use: DenseUse) -> float:
        """Of vectors, in a fusion."""
        settings = self.settings
        return settings.foreign_weight if use is DenseUse.WEAK else settings.dense_weight

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
        passages = self.index.passages(candidates.keys.take(places).tolist())
        legs = candidates.scores.take(places, axis=1).tolist()
        found = [
            Found(
                passage=passage,
                score=score,
                dense=None if isnan(dense) else dense,
                lexical=lexical if lexical > 0 else None,
            )
            for passage, score, dense, lexical in zip(
                passages, scores.take(places).tolist(), *legs, strict=True
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
