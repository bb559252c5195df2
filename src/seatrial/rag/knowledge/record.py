"""Results as JSON: what routes, `--json` and reports show."""

from __future__ import annotations

from typing import Any

from seatrial.rag.answering.reply import AnswerSentence, Citation, Reply
from seatrial.rag.knowledge.asked import KnowledgeFacts
from seatrial.rag.retrieval.found import Found, Retrieved
from seatrial.rag.retrieval.rewriting import Rewriting


def facts_record(facts: KnowledgeFacts) -> dict[str, Any]:
    """An index, as lists show it."""
    return {
        "name": facts.name,
        "version": facts.version,
        "documents": facts.n_documents,
        "chunks": facts.n_chunks,
        "embedder": facts.embedder,
        "languages": {name or "unknown": share for name, share in facts.languages.items()},
        "answered_by": facts.answered_by,
    }


def retrieved_record(retrieved: Retrieved) -> dict[str, Any]:
    """A search: its passages, the best first."""
    return {
        "index": retrieved.index,
        "version": retrieved.version,
        "question": retrieved.questions[0],
        "wordings": list(retrieved.questions[1:]),
        "rewriting": rewriting_record(retrieved.rewriting),
        "language": retrieved.language,
        "dense": retrieved.dense_use.value,
        "passages": [found_record(rank, one) for rank, one in enumerate(retrieved.found, start=1)],
        "seconds": dict(retrieved.seconds),
    }


def found_record(rank: int, found: Found) -> dict[str, Any]:
    """A passage, with its scores and where it stands."""
    passage = found.passage
    return {
        "rank": rank,
        "document": passage.document,
        "title": passage.title,
        "source": passage.source,
        "page": passage.page,
        "section": list(passage.section),
        "start": passage.span.start,
        "end": passage.span.end,
        "text": passage.text,
        "language": passage.language,
        "metadata": dict(passage.metadata),
        "score": found.score,
        "dense": found.dense,
        "lexical": found.lexical,
        "reranked": found.reranked,
    }


def reply_record(reply: Reply) -> dict[str, Any]:
    """An answer or a refusal, with all that supports it."""
    return {
        "index": reply.index,
        "version": reply.version,
        "question": reply.question,
        "text": reply.text,
        "refusal": None if reply.refusal is None else reply.refusal.value,
        "confidence": reply.confidence,
        "answered_by": reply.answered_by,
        "citations": [citation_record(one) for one in reply.citations],
        "sentences": [_sentence(one) for one in reply.sentences],
        "tokens": dict(reply.n_tokens),
        "cost_usd": None if reply.cost_usd is None else str(reply.cost_usd),
        "rewriting": rewriting_record(reply.rewriting),
        "seconds": dict(reply.seconds),
    }


def rewriting_record(rewriting: Rewriting | None) -> dict[str, Any] | None:
    """A question in other words, and what that cost; None where nobody was asked."""
    if rewriting is None:
        return None
    cost = rewriting.cost_usd
    return {
        "by": rewriting.by,
        "wordings": list(rewriting.wordings),
        "problem": rewriting.problem,
        "tokens": dict(rewriting.n_tokens),
        "cost_usd": None if cost is None else str(cost),
    }


def citation_record(citation: Citation) -> dict[str, Any]:
    """A source: ``text`` is the document's from ``start`` to ``end``."""
    return {
        "number": citation.number,
        "document": citation.document,
        "title": citation.title,
        "source": citation.source,
        "page": citation.page,
        "section": list(citation.section),
        "start": citation.span.start,
        "end": citation.span.end,
        "text": citation.text,
        "score": citation.score,
    }


def _sentence(sentence: AnswerSentence) -> dict[str, Any]:
    verdict = sentence.verdict
    return {
        "text": sentence.text,
        "start": sentence.span.start,
        "end": sentence.span.end,
        "citations": list(sentence.citations),
        "withheld": sentence.withheld,
        "support": verdict.support.value,
        "score": verdict.score,
        "reason": verdict.reason,
        "reason_zh": verdict.reason_zh,
    }
