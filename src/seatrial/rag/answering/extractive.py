"""Answers without a language model: the sentences that answer best, word for word."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence, Set

from seatrial.gateway.routes.gateway import NOBODY, Caller
from seatrial.rag.answering.answerer import Answered
from seatrial.rag.answering.citations import Citations
from seatrial.rag.answering.parsing import spans_of, with_citations
from seatrial.rag.answering.question import Sought, offers, sought_by
from seatrial.rag.answering.refusals import refused
from seatrial.rag.answering.reply import AnswerSentence, Refusal
from seatrial.rag.answering.tables import is_frame, named_cells
from seatrial.rag.embedding.embedder import Embedder
from seatrial.rag.groundedness.instructions import without_instructions
from seatrial.rag.groundedness.material import Material, bare
from seatrial.rag.groundedness.rarity import rarity
from seatrial.rag.groundedness.reasons import ROW, VERBATIM
from seatrial.rag.groundedness.signals import nearest
from seatrial.rag.groundedness.terms import terms
from seatrial.rag.groundedness.verdict import Evidence, GroundednessVerdict, Support
from seatrial.rag.retrieval.found import ContextPassage
from seatrial.rag.retrieval.keywords import keywords
from seatrial.rag.text.document import Span
from seatrial.rag.text.language import language_of

MAX_QUESTION = 2_000
"""Characters of a question that are compared; the rest is not read."""
_N_CANDIDATES = 24
_HEADING = re.compile(r"#{1,6}\s.*")
# Chosen on 800 questions of SQuAD 2.0 and CMRC 2018 (dev): how often the first sentence holds the
# answer. All are flat: half or twice of each changes less than a point.
_SHARE = 0.3
_PASSAGE = 1.0
_OFFER = 0.2
_COSINE = 1.0
_HEADED = 1.5
_NAMED = 0.2
"""A heading that holds this share of a question's weight says what the question is about."""
_N_HEADED = 6
"""Pieces below such headings that are compared although they share no word with the question."""
_ALSO = 0.8
"""A further sentence is quoted from this share of the best one's score on."""


class ExtractiveAnswerer:
    """Quotes; see `Answerer`. Text that speaks to a model is not quoted.

    Args:
        embedder: helps to choose where words differ.
        max_sentences: of an answer, >= 1.
    """

    def __init__(self, *, embedder: Embedder | None = None, max_sentences: int = 2) -> None:
        self._embedder = embedder
        self._max_sentences = max_sentences

    @property
    def name(self) -> str:
        """See Answerer."""
        return "extractive"

    async def answer(
        self,
        question: str,
        passages: Sequence[ContextPassage],
        *,
        caller: Caller = NOBODY,  # noqa: ARG002 - costs nothing
    ) -> Answered:
        """See Answerer."""
        return await asyncio.to_thread(self.quote, question, passages)

    def quote(self, question: str, passages: Sequence[ContextPassage]) -> Answered:
        """The answer, in the calling thread; else as `answer`."""
        if not passages:
            return refused(question, Refusal.NOTHING_FOUND)
        material = Material([without_instructions(one.text) for one in passages])
        chosen = self._chosen(question[:MAX_QUESTION], passages, material)
        if not chosen:
            return refused(question, Refusal.NOT_ANSWERED)
        citations = Citations(passages)
        evidence = [
            Evidence(passage=material.pieces[i].passage, span=material.pieces[i].span)
            for i, _ in chosen
        ]
        numbers = [citations.number(one) for one in evidence]
        rows = [named_cells(material.passages[one.passage], one.span) for one in evidence]
        quoted = [
            with_citations(" ".join((row[0] if row else material.text(i)).split()), (number,))
            for (i, _), row, number in zip(chosen, rows, numbers, strict=True)
        ]
        text, spans = spans_of([("" if one[:1] > "⺀" else " ", one) for one in quoted])
        return Answered(
            text=text,
            refusal=None,
            sentences=tuple(
                AnswerSentence(
                    text=one,
                    span=span,
                    citations=(number,),
                    verdict=_quoted(found, share, row and row[1]),
                )
                for one, span, number, found, row, (_, share) in zip(
                    quoted, spans, numbers, evidence, rows, chosen, strict=True
                )
            ),
            citations=citations.all(),
        )

    def _chosen(
        self, question: str, passages: Sequence[ContextPassage], material: Material
    ) -> list[tuple[int, float]]:
        """The pieces to quote, with what they hold of the question; in their order in a passage,
        the best passage first."""
        keyed = keywords(question, language_of(question))
        headed = _headed(keyed, passages)
        near = _with_headed(nearest(keyed, material), headed, material)
        if not near:
            return []
        sought = sought_by(question)
        asked = frozenset(term.text for term in terms(question))
        best_passage = max(one.best.score for one in passages) or 1.0
        cosines = self._cosines(question, [material.text(piece) for piece, _, _ in near])
        scores: dict[int, float] = {}
        for (piece, score, share), cosine in zip(near, cosines, strict=True):
            text, at = material.text(piece), material.pieces[piece]
            passage = passages[at.passage]
            if _says_nothing(text.strip(), passage, asked):
                continue
            if is_frame(material.passages[at.passage], at.span):
                continue
            scores[piece] = (
                score / (near[0][1] or 1.0)
                + _SHARE * share
                + _PASSAGE * passage.best.score / best_passage
                + _HEADED * headed[at.passage]
                + _OFFER * (sought is not Sought.ANYTHING and offers(text, sought, asked))
                + _COSINE * cosine
            )
        ordered = sorted(scores, key=lambda piece: -scores[piece])
        firsts = {bare(material.text(piece)): piece for piece in reversed(ordered)}  # of copies
        ranked = [piece for piece in ordered if piece in firsts.values()][: self._max_sentences]
        shares = {piece: share for piece, _, share in near}
        kept = [piece for piece in ranked if scores[piece] >= _ALSO * scores[ranked[0]]]
        order = {
            material.pieces[piece].passage: place for place, piece in reversed([*enumerate(kept)])
        }
        kept.sort(key=lambda piece: (order[material.pieces[piece].passage], piece))
        return [(piece, shares[piece]) for piece in kept]

    def _cosines(self, question: str, texts: Sequence[str]) -> list[float]:
        if self._embedder is None:
            return [0.0] * len(texts)
        asked = self._embedder.embed_queries([question])[0]
        return [float(one) for one in self._embedder.embed_documents(texts) @ asked]


def _headed(question: str, passages: Sequence[ContextPassage]) -> list[float]:
    """The share in [0, 1] of a question's weight that the titles and headings of each passage hold:
    what a text is about is often said there alone."""
    weights = {term.text: rarity(term.text) for term in terms(question)}
    total = sum(weights.values()) or 1.0
    shares = []
    for passage in passages:
        heads = {head for hit in passage.hits for head in (hit.passage.title, *hit.passage.section)}
        held = {term.text for head in heads for term in terms(head)}
        shares.append(sum(weights[term] for term in weights.keys() & held) / total)
    return shares


def _with_headed(
    near: Sequence[tuple[int, float, float]], headed: Sequence[float], material: Material
) -> list[tuple[int, float, float]]:
    """The nearest pieces, and first ones of passages whose heading says what is asked about."""
    known = {piece for piece, _, _ in near[:_N_CANDIDATES]}
    named = [
        number
        for number, piece in enumerate(material.pieces)
        if headed[piece.passage] >= _NAMED and number not in known
    ]
    named.sort(key=lambda number: -headed[material.pieces[number].passage])
    added = [(number, 0.0, 0.0) for number in named[:_N_HEADED]]
    return [*near[: _N_CANDIDATES - len(added)], *added]


def _says_nothing(text: str, passage: ContextPassage, asked: Set[str]) -> bool:
    """Whether a piece is a question or a heading: marked as one, a title that is known, or a line
    without a mark at its end whose every word was asked (terms, in `asked`)."""
    if not text or text.endswith(("?", "？")) or _HEADING.fullmatch(text):
        return True
    bare = " ".join(text.split())
    known = {title for hit in passage.hits for title in (*hit.passage.section, hit.passage.title)}
    if bare in {" ".join(title.split()) for title in known}:
        return True
    return bare[-1].isalnum() and all(term.text in asked for term in terms(bare))


def _quoted(evidence: Evidence, share: float, names: Span | None) -> GroundednessVerdict:
    """Args: names: of the columns, where a row of a table is quoted with them."""
    reason = VERBATIM if names is None else ROW
    also = () if names is None else (Evidence(passage=evidence.passage, span=names),)
    return GroundednessVerdict(
        support=Support.SUPPORTED,
        score=1.0,
        evidence=evidence,
        reason=reason.en,
        reason_zh=reason.zh,
        signals={"question_share": share},
        also=also,
    )
