"""The pages of indexes: what there is, a search with its marks, answers with their citations."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from seatrial.kernel.errors import NotFound, SeatrialError
from seatrial.rag.answering.reply import Citation, Reply
from seatrial.rag.chunking.spoken import chunker_spoken
from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.evaluation.report_words import words as report_words
from seatrial.rag.groundedness.verdict import Support
from seatrial.rag.index.failures import IndexNotFound
from seatrial.rag.knowledge.asked import Asked
from seatrial.rag.knowledge.desk import KeptEvaluation, KeptEvaluations, KnowledgeDesk
from seatrial.serving.exchange import BadInput, shown
from seatrial.web.console.frame import Frame, Name, form_of, language_of
from seatrial.web.console.knowledge_drawing import RANKING, ranking_chart
from seatrial.web.console.knowledge_marks import Quotation, extract, linked, quotation

_REACH = 240
"""Characters shown before and after a citation."""

_MOST_K = 100
_DEFAULT_K = 10
_MOST_EVALUATIONS = 40
_COMMA = re.compile("[,，、;；\n]")

Version = Annotated[int, Path(ge=1, le=2**62)]
Look = Callable[[str, Mapping[str, str]], Awaitable[Mapping[str, Any]]]


class KnowledgePages:
    """Looks things up for the templates.

    Args: desk: what is shown and decided on.
    """

    def __init__(self, desk: KnowledgeDesk) -> None:
        self._desk = desk

    def all(self) -> dict[str, Any]:
        """What the list of indexes shows."""
        return {"indexes": [self._standing(name) for name in self._desk.names()]}

    def index(self, name: str) -> dict[str, Any]:
        """What the page of an index shows, and its part that is refreshed.

        Raises: KnowledgeUnknown.
        """
        try:
            versions = self._desk.versions(name)
        except NotFound:
            raise
        except SeatrialError:
            versions = ()  # its standing says so
        return {
            "index": self._standing(name),
            "versions": sorted(versions, key=lambda one: one.version, reverse=True),
            "default_k": _DEFAULT_K,
            "chunker_spoken": chunker_spoken,
            "most_k": _MOST_K,
        }

    def whole(self, name: str, language: str) -> dict[str, Any]:
        """The page of an index.   Raises: KnowledgeUnknown."""
        return self.index(name) | self._evaluations(name, language)

    def _standing(self, name: str) -> dict[str, Any]:
        """How an index stands: what it is, or why it cannot be asked."""
        standing: dict[str, Any] = {
            "name": name,
            "facts": None,
            "problem": None,
            "command": self._desk.build_command(name),
            "is_released": False,
        }
        try:
            standing["is_released"] = self._desk.is_released(name)
            standing["facts"] = self._desk.facts(name)
        except IndexNotFound:
            return standing
        except SeatrialError as problem:
            standing["problem"] = problem
        return standing

    def _evaluations(self, name: str, language: str) -> dict[str, Any]:
        trouble = None
        try:
            kept = self._desk.evaluations(name)
        except SeatrialError as problem:
            kept, trouble = KeptEvaluations(found=()), problem
        found = kept.found[-_MOST_EVALUATIONS:]
        rankings = [one for one in found if RANKING in one.metrics]
        answers = [one for one in found if RANKING not in one.metrics]
        return {
            "rankings": rankings,
            "ranking_metrics": _names(rankings, language),
            "answers": answers,
            "answer_metrics": _names(answers, language),
            "evaluations_problem": trouble,
            "n_unreadable": kept.n_unreadable,
            "n_evaluations": len(kept.found),
            "n_shown": len(found),
            "ranking_chart": ranking_chart,
        }

    def activate(self, name: str, version: int) -> None:
        """A button of a version.   Raises: as `KnowledgeDesk.activate`."""
        self._desk.activate(name, version)

    async def search(self, name: str, form: Mapping[str, str]) -> dict[str, Any]:
        """What the passages of a search show.   Raises: as `Knowledge.search`; BadInput."""
        asked = _asked(form)
        retrieved = await self._desk.knowledge.search(name, asked)
        return {
            "question": asked.question,
            "retrieved": retrieved,
            "passages": [
                (one, extract(one.passage.text, asked.question, retrieved.language))
                for one in retrieved.found
            ],
            "took_s": sum(retrieved.seconds.values()),
        }

    async def answer(self, name: str, form: Mapping[str, str]) -> dict[str, Any]:
        """What a reply shows.   Raises: as `Knowledge.answer`; BadInput."""
        reply = await self._desk.knowledge.answer(name, _asked(form))
        return {
            "reply": reply,
            "answer": linked(reply.text, [one.number for one in reply.citations]),
            "citations": [(one, await self._quoted(reply, one)) for one in reply.citations],
            "withheld": [one for one in reply.sentences if one.withheld],
            "flagged": [
                one
                for one in reply.sentences
                if not one.withheld and one.verdict.support is Support.UNSUPPORTED
            ],
            "took_s": sum(reply.seconds.values()),
        }

    async def _quoted(self, reply: Reply, citation: Citation) -> Quotation:
        try:
            around = await self._desk.surroundings(
                reply.index, reply.version, citation, reach=_REACH
            )
        except SeatrialError:
            around = None  # the version was forgotten just now
        return quotation(citation.text, around)


def _names(evaluations: Sequence[KeptEvaluation], language: str) -> dict[str, str]:
    """What was measured, in the words of a language."""
    w = report_words(language)
    known = {name for one in evaluations for name in one.metrics}
    cutoffs = {one.k for one in evaluations}
    k = cutoffs.pop() if len(cutoffs) == 1 else "k"
    return {
        metric.value: w[f"m_{metric.value}"].format(k=k)
        for metric in Metric
        if metric.value in known
    }


def _asked(form: Mapping[str, str]) -> Asked:
    """A question as the form has it.   Raises: BadInput."""
    written = form.get("k", "").strip() or str(_DEFAULT_K)
    if not written.isascii() or not written.isdigit() or not 1 <= int(written[:9]) <= _MOST_K:
        raise BadInput(
            f"{shown(written)} is no number of passages.",
            remedy=f"Ask for 1 to {_MOST_K}.",
            field="k",
        )
    readers = (one.strip() for one in _COMMA.split(form.get("readers", "")))
    return Asked(
        question=form.get("question", "").strip(),
        k=int(written),
        readers=frozenset(one for one in readers if one),
    )


def add_knowledge(router: APIRouter, frame: Frame, pages: KnowledgePages) -> None:
    """The routes of indexes, on the console's router."""
    frame.link("/knowledge", "knowledge")

    @router.get("/knowledge")
    def indexes(request: Request) -> Response:
        return frame.shown(request, "knowledge.html", pages.all)

    @router.get("/knowledge/{name}")
    def index(request: Request, name: Name) -> Response:
        return frame.shown(
            request, "knowledge_index.html", lambda: pages.whole(name, language_of(request))
        )

    @router.get("/console/knowledge/{name}")
    def index_part(request: Request, name: Name) -> Response:
        return frame.shown(request, "knowledge_part.html", lambda: pages.index(name))

    def add(verb: str, template: str, look: Look) -> None:
        async def show(request: Request, name: Name) -> Response:
            frame.check(request)
            form = await form_of(request)
            return await frame.awaited(request, template, lambda: look(name, form))

        router.add_api_route(f"/console/knowledge/{{name}}/{verb}", show, methods=["POST"])

    add("search", "knowledge_passages.html", pages.search)
    add("answer", "knowledge_reply.html", pages.answer)

    @router.post("/console/knowledge/{name}/versions/{version}/activate")
    async def activate(request: Request, name: Name, version: Version) -> Response:
        return await frame.pressed(
            request,
            "knowledge_part.html",
            lambda: pages.activate(name, version),
            lambda: pages.index(name),
        )
