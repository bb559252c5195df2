"""The routes of questions over knowledge that answers as it is told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from seatrial.gateway.routes.doorman import Doorman
from seatrial.gateway.routes.gateway import Gateway
from seatrial.gateway.routes.key_desk import KeyDesk
from seatrial.gateway.routes.table import ModelTable, Route
from seatrial.kernel.clock import SystemClock
from seatrial.rag.answering.reply import AnswerSentence, Citation, Refusal, Reply
from seatrial.rag.groundedness.verdict import GroundednessVerdict, Support
from seatrial.rag.index.failures import IndexDamaged
from seatrial.rag.index.passage import Passage
from seatrial.rag.knowledge.asked import Asked, KnowledgeFacts, KnowledgeUnknown
from seatrial.rag.knowledge.provider import PREFIX, KnowledgeProvider
from seatrial.rag.retrieval.found import DenseUse, Found, Retrieved
from seatrial.rag.text.document import Span
from seatrial.serving.exchange import Limits
from seatrial.serving.plane import DataPlane
from seatrial.testing import MemoryStore
from seatrial.testing.models import live_version, matrix_signature, router_of
from seatrial.web.app import build
from seatrial.web.errors import error_reply
from seatrial.web.knowledge.plane import KnowledgePlane
from seatrial.web.llm.plane import LlmPlane
from seatrial.web.planes import Planes
from seatrial.web.protocol import HotProtocol

TEXT = "Leave is 30 days. 请假三十天。"


def passage() -> Passage:
    return Passage(
        key=4,
        document="hr/leave.md",
        title="Leave",
        source="hr/leave.md",
        language="en",
        metadata={"year": 2024, "tags": ("hr",)},
        span=Span(0, 17),
        text=TEXT[:17],
        parent=Span(0, 25),
        parent_text=TEXT,
        n_tokens=5,
        section=("Rules",),
        page=2,
    )


def reply(asked: Asked, refusal: Refusal | None = None) -> Reply:
    verdict = GroundednessVerdict(
        support=Support.SUPPORTED, score=0.9, evidence=None, reason="It says so.", signals={}
    )
    citation = Citation(
        number=1,
        document="hr/leave.md",
        title="Leave",
        source="hr/leave.md",
        page=2,
        section=("Rules",),
        span=Span(0, 17),
        text=TEXT[:17],
        score=0.8,
    )
    told = "Leave is 30 days [1]. It is paid [1]."
    sentences = tuple(
        AnswerSentence(text=told[start:end], span=Span(start, end), citations=(1,), verdict=verdict)
        for start, end in ((0, 21), (22, 37))
    )
    answered = refusal is None
    return Reply(
        question=asked.question,
        text=told if answered else "The documents do not say.",
        refusal=refusal,
        sentences=sentences if answered else (),
        citations=(citation,) if answered else (),
        confidence=0.9,
        index="handbook",
        version=3,
        answered_by="small",
        n_tokens={"input": 100, "output": 12},
    )


class ToldKnowledge:
    """One index, ``handbook``; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.problem: Exception | None = None

    def names(self) -> Sequence[str]:
        return ("handbook",)

    async def facts(self, name: str) -> KnowledgeFacts:
        self._check(name)
        if isinstance(self.problem, IndexDamaged):
            raise self.problem
        return KnowledgeFacts(
            name=name,
            version=3,
            n_documents=2,
            n_chunks=9,
            embedder="mini",
            languages={"en": 0.5, "": 0.5},
            answered_by="small",
        )

    async def search(self, name: str, asked: Asked) -> Retrieved:
        self._take(name, asked)
        found = Found(passage=passage(), score=0.8, dense=0.7, lexical=3.0)
        return Retrieved(
            questions=(asked.question, "leave days"),
            language="en",
            found=(found,),
            dense_use=DenseUse.FULL,
            index=name,
            version=3,
            seconds={"dense": 0.001},
        )

    async def answer(self, name: str, asked: Asked) -> Reply:
        self._take(name, asked)
        return reply(asked, Refusal.NOT_ANSWERED if "unknown" in asked.question else None)

    def _take(self, name: str, asked: Asked) -> None:
        self._check(name)
        if self.problem is not None:
            raise self.problem
        self.asked.append(asked)

    def _check(self, name: str) -> None:
        if name != "handbook":
            raise KnowledgeUnknown(f"There is no index {name!r}.", remedy="Use 'handbook'.")


async def nothing() -> None:
    """What closing a gateway does here."""


class House:
    """A server with an index, which it also answers for as the model ``rag/handbook``."""

    def __init__(self, serve: Any, http: Any, *, open_door: bool = True) -> None:
        self.knowledge = ToldKnowledge()
        self.desk = KeyDesk(MemoryStore(), now=SystemClock().now)
        doorman = Doorman(self.desk.ring, open=open_door, now=time.monotonic, wall=time.time)

        def groups(key_id: str | None) -> frozenset[str]:
            key = doorman.key(key_id)
            return frozenset() if key is None else frozenset(key.groups)

        model = KnowledgeProvider(self.knowledge, "handbook", readers=groups)
        name = PREFIX + "handbook"
        table = ModelTable({name: Route(name=name, provider=model, deadline_s=30)})
        gateway = Gateway(table, now=time.monotonic, closing=nothing)
        limits = Limits(max_body_bytes=9999)
        planes = Planes(
            [LlmPlane(gateway, doorman, limits), KnowledgePlane(self.knowledge, doorman, limits)]
        )
        plane = DataPlane(router_of(live_version(matrix_signature())), error_reply)
        self._url = f"http://127.0.0.1:{serve(build(plane, streams=planes), http).port}"

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return httpx.post(self._url + path, content=body, headers=sent)
        return httpx.post(self._url + path, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.get(self._url + path, headers=sent)

    def search(self, **body: Any) -> httpx.Response:
        return self.post("/v1/knowledge/handbook/search", {"question": "How long?"} | body)


@pytest.fixture(params=["hot", "asgi"])
def house(request: pytest.FixtureRequest, serve: Any) -> House:
    return House(serve, HotProtocol if request.param == "hot" else "httptools")


@pytest.fixture
def locked(serve: Any) -> House:
    """A house that nobody enters without a key."""
    return House(serve, HotProtocol, open_door=False)
