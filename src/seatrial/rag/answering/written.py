"""Answers written by a language model, of which only what the passages support is passed on.

A stream of it would work sentence by sentence: a sentence is complete when the next one begins (a
citation behind its full stop still belongs to it), is checked alone as here, and is sent or
withheld; nothing that was sent is ever taken back. Only the refusal has to wait for the end.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from secrets import token_hex

from seatrial.gateway.chat.request import ChatRequest
from seatrial.gateway.routes.gateway import NOBODY, Caller, Completion, Gateway
from seatrial.rag.answering.answerer import Answered
from seatrial.rag.answering.citations import Citations
from seatrial.rag.answering.fence import NO_ANSWER, messages
from seatrial.rag.answering.parsing import (
    WrittenSentence,
    spans_of,
    with_citations,
    written_sentences,
)
from seatrial.rag.answering.refusals import refused
from seatrial.rag.answering.reply import AnswerSentence, Refusal
from seatrial.rag.groundedness.check import Groundedness
from seatrial.rag.groundedness.instructions import without_instructions
from seatrial.rag.groundedness.material import Material
from seatrial.rag.groundedness.verdict import Evidence, GroundednessVerdict, Support
from seatrial.rag.retrieval.found import ContextPassage
from seatrial.rag.text.document import Span

MAX_ANSWER = 40_000
"""Characters of a model's answer that are read."""
_DECLINED = re.compile(rf"[\W_]*{NO_ANSWER.replace(' ', '[ _]')}[\W_]*", re.IGNORECASE)


class Policy(StrEnum):
    """What becomes of a sentence that no passage supports."""

    WITHHOLD = "withhold"
    FLAG = "flag"  # it stays, with [?] behind it and no citation


FLAGGED = " [?]"


@dataclass(frozen=True, slots=True)
class _Judged:
    """A sentence and its verdict; evidence counts all passages."""

    written: WrittenSentence
    verdict: GroundednessVerdict


class WrittenAnswerer:
    """Asks a model through the gateway; see `Answerer`.

    Args:
        model: a name of the gateway's configuration.
        check: judges each sentence.
        max_tokens: of the answer, >= 1.
        timeout_s: of the call; None for what the gateway's configuration says.
        marker: makes the random word of a fence.
    """

    def __init__(
        self,
        gateway: Gateway,
        model: str,
        check: Groundedness,
        *,
        policy: Policy = Policy.WITHHOLD,
        max_tokens: int = 800,
        timeout_s: float | None = None,
        marker: Callable[[], str] = lambda: token_hex(8),
    ) -> None:
        self._gateway = gateway
        self._model = model
        self._check = check
        self._policy = policy
        self._max_tokens = max_tokens
        self._timeout_s = timeout_s
        self._marker = marker

    @property
    def name(self) -> str:
        """See Answerer."""
        return self._model

    async def answer(
        self, question: str, passages: Sequence[ContextPassage], *, caller: Caller = NOBODY
    ) -> Answered:
        """See Answerer."""
        if not passages:
            return refused(question, Refusal.NOTHING_FOUND)
        told = messages(question, passages, self._marker())
        completion = await self._gateway.chat(
            self._model,
            request=ChatRequest(model=self._model, messages=told, temperature=0.0),
            max_tokens=self._max_tokens,
            caller=caller,
            timeout_s=self._timeout_s,
        )
        answered = await asyncio.to_thread(self.checked, question, completion.text, passages)
        return replace(answered, n_tokens=_tokens(completion), cost_usd=_cost(completion))

    def checked(self, question: str, written: str, passages: Sequence[ContextPassage]) -> Answered:
        """What may be passed on of a text that a model wrote, with citations.

        A sentence is checked against the passages that it cites; where these do not support it, or
        it cites none, against all. What speaks to a model in a passage supports nothing.
        """
        if _DECLINED.fullmatch(written[:100]):
            return refused(question, Refusal.NOT_ANSWERED)
        sentences = written_sentences(_DECLINED_LINE.sub("", written[:MAX_ANSWER]))
        judged = self._judged(question, sentences, passages)
        if not any(one.verdict.support is Support.SUPPORTED for one in judged):
            return self._nothing_left(question, judged)
        return self._reply(judged, passages)

    def _judged(
        self,
        question: str,
        sentences: Sequence[WrittenSentence],
        passages: Sequence[ContextPassage],
    ) -> list[_Judged]:
        sources = _Sources(passages)
        verdicts: dict[int, GroundednessVerdict] = {}
        by_cited: dict[tuple[int, ...], list[int]] = {}
        for row, sentence in enumerate(sentences):
            by_cited.setdefault(sources.known(sentence.cited), []).append(row)
        for cited, rows in by_cited.items():
            if cited:
                verdicts |= self._check_rows(question, sentences, rows, sources, cited)
        rest = [
            row
            for row in range(len(sentences))
            if row not in verdicts or verdicts[row].support is Support.UNSUPPORTED
        ]
        everything = tuple(range(len(passages)))
        verdicts |= self._check_rows(question, sentences, rest, sources, everything)
        return [_Judged(one, verdicts[row]) for row, one in enumerate(sentences)]

    def _check_rows(
        self,
        question: str,
        sentences: Sequence[WrittenSentence],
        rows: Sequence[int],
        sources: _Sources,
        cited: tuple[int, ...],
    ) -> dict[int, GroundednessVerdict]:
        if not rows:
            return {}
        found = self._check.check(
            [sentences[row].text for row in rows], sources.material(cited), question=question
        )
        return {
            row: _counting_all(verdict, cited) for row, verdict in zip(rows, found, strict=True)
        }

    def _nothing_left(self, question: str, judged: Sequence[_Judged]) -> Answered:
        withheld = tuple(
            _withheld(one) for one in judged if one.verdict.support is Support.UNSUPPORTED
        )
        if not withheld:
            return refused(question, Refusal.NOT_ANSWERED)
        return refused(question, Refusal.NOT_SUPPORTED, withheld)

    def _reply(self, judged: Sequence[_Judged], passages: Sequence[ContextPassage]) -> Answered:
        citations = Citations(passages)
        pieces: list[tuple[str, str]] = []
        numbers: list[tuple[int, ...]] = []
        for one in judged:
            kept = one.written.text
            cited: tuple[int, ...] = ()
            if one.verdict.support is Support.SUPPORTED:
                cited = _numbered(one.verdict, citations)
                kept = with_citations(kept, cited)
            elif one.verdict.support is Support.UNSUPPORTED:
                if self._policy is Policy.WITHHOLD:
                    continue
                kept += FLAGGED
            pieces.append((one.written.before, kept))
            numbers.append(cited)
        text, spans = spans_of(pieces)
        shown = iter(zip(pieces, spans, numbers, strict=True))
        sentences = []
        for one in judged:
            if one.verdict.support is Support.UNSUPPORTED and self._policy is Policy.WITHHOLD:
                sentences.append(_withheld(one))
                continue
            (_, kept), span, numbered = next(shown)
            sentences.append(
                AnswerSentence(text=kept, span=span, citations=numbered, verdict=one.verdict)
            )
        return Answered(
            text=text, refusal=None, sentences=tuple(sentences), citations=citations.all()
        )


_DECLINED_LINE = re.compile(rf"\b{NO_ANSWER}\b\.?")


class _Sources:
    """The passages as material, each choice of them prepared once."""

    def __init__(self, passages: Sequence[ContextPassage]) -> None:
        self._texts = [without_instructions(one.text) for one in passages]
        self._about = [[one.best.passage.title, *one.best.passage.section] for one in passages]
        self._made: dict[tuple[int, ...], Material] = {}

    def known(self, cited: Sequence[int]) -> tuple[int, ...]:
        """Places, from 0, of those of the numbers that are there."""
        return tuple(sorted({n - 1 for n in cited if 1 <= n <= len(self._texts)}))

    def material(self, cited: tuple[int, ...]) -> Material:
        """Of some passages."""
        if cited not in self._made:
            about = [text for i in cited for text in self._about[i]]
            self._made[cited] = Material([self._texts[i] for i in cited], about)
        return self._made[cited]


def _counting_all(verdict: GroundednessVerdict, cited: tuple[int, ...]) -> GroundednessVerdict:
    """The same, with evidence that counts all passages instead of the cited ones."""

    def moved(one: Evidence) -> Evidence:
        return Evidence(passage=cited[one.passage], span=one.span)

    evidence = None if verdict.evidence is None else moved(verdict.evidence)
    return replace(verdict, evidence=evidence, also=tuple(map(moved, verdict.also)))


def _numbered(verdict: GroundednessVerdict, citations: Citations) -> tuple[int, ...]:
    spans = [one for one in (verdict.evidence, *verdict.also) if one is not None]
    return tuple(citations.number(one) for one in spans)


def _withheld(one: _Judged) -> AnswerSentence:
    return AnswerSentence(
        text=one.written.text, span=Span(0, 0), citations=(), verdict=one.verdict, withheld=True
    )


def _tokens(completion: Completion) -> dict[str, int]:
    usage = completion.usage
    if usage is None:
        return {}
    return {"input": usage.input_tokens, "output": usage.output_tokens}


def _cost(completion: Completion) -> Decimal | None:
    """None where the price of an attempt is not known."""
    attempts = completion.journal.attempts
    if any(one.cost_usd is None and one.failure is None for one in attempts):
        return None
    return completion.cost_usd
