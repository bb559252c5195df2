"""The pages of indexes as a browser gets them, over a desk that says what it is told to."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from parsed_page import ParsedPage

from seatrial.rag.answering.reply import AnswerSentence, Citation, Refusal, Reply
from seatrial.rag.groundedness.verdict import GroundednessVerdict, Support
from seatrial.rag.index.failures import IndexNotFound, IndexUnavailable, NotInIndex
from seatrial.rag.index.passage import Passage
from seatrial.rag.index.writing import Recipe, VersionFacts
from seatrial.rag.knowledge.asked import Asked, KnowledgeFacts, KnowledgeUnknown
from seatrial.rag.knowledge.desk import (
    IndexIsReleased,
    KeptEvaluation,
    KeptEvaluations,
    KeptMean,
    Surroundings,
)
from seatrial.rag.retrieval.found import DenseUse, Found, Retrieved
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.text.document import Span

TOKEN = "correct horse battery staple"
ZH = {"accept-language": "zh"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'\u202e"
TEXT = "Nobody asks. Leave is 30 days. It ends in March."
RECIPE = Recipe(embedder="minilm", dimensions=384, chunker="recursive 200+20")
FACTS = KnowledgeFacts(
    name="hr",
    version=2,
    n_documents=1_234,
    n_chunks=5_678,
    embedder="minilm",
    languages={"en": 0.6, "zh": 0.3, "": 0.1},
    answered_by="extractive",
)


def versions(live: int) -> list[VersionFacts]:
    return [
        VersionFacts(
            version=number,
            recipe=RECIPE,
            n_documents=1_234,
            n_chunks=5_678,
            created=datetime(2026, 11, number, tzinfo=UTC),
            live=number == live,
        )
        for number in (1, 2)
    ]


def passage(text: str = TEXT, title: str = "Leave") -> Passage:
    return Passage(
        key=1,
        document="leave.md",
        title=title,
        source=f"hr/{title}.md",
        language="en",
        metadata={},
        span=Span(0, len(text)),
        text=text,
        parent=Span(0, len(text)),
        parent_text=text,
        n_tokens=9,
        section=("Rules", title),
        page=3,
    )


def judged(support: Support, score: float) -> GroundednessVerdict:
    return GroundednessVerdict(
        support=support,
        score=score,
        evidence=None,
        reason="The number 40 is in no passage.",
        reason_zh="数字 40 不在任何段落中。",
        signals={},
    )


def reply(asked: Asked, **changes: Any) -> Reply:
    citation = Citation(
        number=1,
        document="leave.md",
        title="Leave",
        source="hr/leave.md",
        page=3,
        section=("Rules",),
        span=Span(13, 30),
        text="Leave is 30 days.",
        score=0.9,
    )
    withheld = AnswerSentence(
        text="A car is worth 40.",
        span=Span(0, 0),
        citations=(1,),
        verdict=judged(Support.UNSUPPORTED, 0.02),
        withheld=True,
    )
    made = Reply(
        question=asked.question,
        text="Leave is 30 days [1], not 40 [2].",
        refusal=None,
        sentences=(withheld,),
        citations=(citation,),
        confidence=0.93,
        index="hr",
        version=2,
        answered_by="small",
        n_tokens={"input": 1_000, "output": 234},
        cost_usd=Decimal("0.0012"),
        seconds={"answer": 0.25},
    )
    return replace(made, **changes)


@dataclass
class FakeDesk:
    """Answers for the index ``hr``; ``new`` was not built."""

    live: int = 2
    released: bool = False
    trouble: Exception | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    found: Sequence[Found] = ()
    kept: KeptEvaluations = field(default_factory=lambda: KeptEvaluations(found=()))
    asked: list[Asked] = field(default_factory=list)
    gone: bool = False

    @property
    def knowledge(self) -> FakeDesk:
        return self

    def names(self) -> Sequence[str]:
        return ["hr", "new"]

    def facts(self, name: str) -> KnowledgeFacts:
        if name == "new":
            raise IndexNotFound("There is no index 'new'.", remedy="Build it.")
        if self.trouble is not None:
            raise self.trouble
        return replace(FACTS, version=self.live)

    def build_command(self, name: str) -> str:
        if name not in self.names():
            raise KnowledgeUnknown(f"There is no index {name!r}.", remedy="Name another.")
        return f"seatrial rag build --index {name}"

    def versions(self, name: str) -> Sequence[VersionFacts]:
        self.build_command(name)
        return versions(self.live) if name == "hr" else []

    def is_released(self, name: str) -> bool:
        return self.released

    def activate(self, name: str, version: int) -> None:
        if self.released:
            raise IndexIsReleased("Versions of it are released.", remedy="Use the endpoint.")
        if version not in (1, 2):
            raise IndexNotFound(f"There is no version {version}.", remedy="Name another.")
        self.live = version

    def evaluations(self, name: str) -> KeptEvaluations:
        return self.kept

    async def search(self, name: str, asked: Asked) -> Retrieved:
        self.asked.append(asked)
        if self.trouble is not None:
            raise self.trouble
        return Retrieved(
            questions=(asked.question,),
            language="en",
            found=tuple(self.found),
            dense_use=DenseUse.WEAK,
            index=name,
            version=2,
            seconds={"lexical": 0.002},
        )

    async def answer(self, name: str, asked: Asked) -> Reply:
        self.asked.append(asked)
        return reply(asked, **self.changes)

    async def surroundings(
        self, name: str, version: int, citation: Citation, *, reach: int
    ) -> Surroundings:
        if self.gone:
            raise NotInIndex("It is gone.", remedy="Ask again.")
        start, end = citation.span
        return Surroundings(before=TEXT[:start], after=TEXT[end:], begins=True, ends=True)


@pytest.fixture
def desk(world: Any) -> FakeDesk:
    world.knowledge = FakeDesk()
    return world.knowledge


def said(page: Any) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


async def ask(client: Any, verb: str, **fields: str) -> Any:
    return await client.post(
        f"/console/knowledge/hr/{verb}", data={"question": "How long is leave?"} | fields
    )


async def test_without_indexes_there_is_no_page_and_no_way_to_it(browse) -> None:
    async with browse() as client:
        assert "/knowledge" not in (await client.get("/")).text
        assert (await client.get("/knowledge")).status_code == 404


async def test_the_list_says_what_each_index_is_and_how_to_build_what_is_not(browse, desk) -> None:
    async with browse() as client:
        assert 'href="/knowledge"' in (await client.get("/")).text
        page = said(await client.get("/knowledge"))
        for text in (
            "version 2 live",
            "Documents: 1,234 · chunks: 5,678",
            "en 60 %, zh 30 %, unknown 10 %",
            "Embedder: minilm",
            "Answered by: quotations, without a language model",
            "Not built yet. This command builds it: seatrial rag build --index new",
        ):
            assert text in page
        zh = said(await client.get("/knowledge", headers=ZH))
        assert "1,234 篇文档 · 5,678 个片段" in zh
        assert "尚未构建。用这条命令构建：" in zh


async def test_an_index_that_cannot_be_read_is_said_and_hides_no_other(browse, desk) -> None:
    desk.trouble = IndexUnavailable("The drive is gone.", remedy="Mount it.")
    async with browse() as client:
        page = said(await client.get("/knowledge"))
        assert "It cannot be read: The drive is gone." in page
        assert "seatrial rag build --index new" in page
        assert "The drive is gone." in said(await client.get("/knowledge/hr"))


async def test_the_first_page_has_a_card_for_each_index(browse, desk) -> None:
    async with browse() as client:
        page = await client.get("/")
        assert 'href="/knowledge/hr"' in page.text
        assert "hr Documents: version 2 live Documents: 1,234 · chunks: 5,678" in said(page)
        assert "new Documents: not built yet" in said(page)
        desk.trouble = IndexUnavailable("The drive is gone.", remedy="Mount it.")
        assert "It cannot be read: The drive is gone." in said(await client.get("/"))


async def test_errors_are_told_in_chinese_with_their_own_text_behind(browse, desk) -> None:
    async with browse() as client:
        missing = said(await client.get("/knowledge/nothing", headers=ZH))
        assert "没有配置这个索引。（原文：There is no index 'nothing'. Name another.）" in missing
        wrong = await client.post(
            "/console/knowledge/hr/search", data={"question": "q", "k": "0"}, headers=ZH
        )
        assert "输入有误，请更正。（原文：" in said(wrong)
        desk.trouble = IndexUnavailable("The drive is gone.", remedy="Mount it.")
        for address in ("/", "/knowledge", "/knowledge/hr"):
            page = said(await client.get(address, headers=ZH))
            assert "索引所在的磁盘已满，或没有应答。（原文：The drive is gone. Mount it.）" in page


async def test_what_is_not_built_cannot_be_asked(browse, desk) -> None:
    page = await browse().get("/knowledge/new")
    assert "seatrial rag build --index new" in page.text
    assert "<form" not in page.text


async def test_an_unknown_index_is_told(browse, desk) -> None:
    async with browse() as client:
        page = await client.get("/knowledge/nothing")
        assert page.status_code == 404
        assert "There is no index 'nothing'." in said(page)


async def test_a_search_shows_where_passages_are_from_and_marks_words(browse, desk) -> None:
    desk.found = [
        Found(passage=passage(), score=0.83, dense=0.612, lexical=7.25),
        Found(passage=passage("Other " * 200), score=0.2, reranked=0.4),
    ]
    page = await ask(browse(), "search", k="2", readers="hr, 员工，,")
    assert desk.asked == [
        Asked(question="How long is leave?", k=2, readers=frozenset({"hr", "员工"}))
    ]
    assert "<mark>Leave</mark> is 30 days." in page.text
    text = said(page)
    for part in (
        "2 passages for “How long is leave?”",
        "2 ms in version 2 · mostly by words",
        "hr/Leave.md › Rules › Leave · page 3",
        "score 0.830 vectors 0.612 words 7.2",
        "score 0.200 vectors – words – reranked 0.400",
        "the rest of the passage",
    ):
        assert part in text


async def test_a_search_that_finds_nothing_says_so(browse, desk) -> None:
    page = said(await ask(browse(), "search"))
    assert "Nothing was found for “How long is leave?” that these readers may read." in page
    assert desk.asked[0].readers == frozenset()


@pytest.mark.parametrize(
    ("wordings", "said_of_it"),
    [
        (("leave in <days>",), "Also searched, in words of small: leave in <days>"),
        ((), "Searched as asked: small gave no other words."),
    ],
)
async def test_a_reply_says_by_what_other_words_was_searched(
    browse, desk, wordings, said_of_it
) -> None:
    assert "searched" not in said(await ask(browse(), "answer")).lower()
    desk.changes = {"rewriting": Rewriting(by="small", wordings=wordings)}
    assert said_of_it in said(await ask(browse(), "answer"))


async def test_an_answer_links_its_citations_and_marks_them_in_their_text(browse, desk) -> None:
    page = await ask(browse(), "answer")
    assert '<a class="cite" href="#cite-1">[1]</a>, not 40 [2].' in page.text
    parsed = ParsedPage(page.text)
    assert "cite-1" in parsed.ids()
    assert '<mark>Leave is 30 days.</mark><span class="quiet"> It ends in March.' in page.text
    assert '<span class="quiet">Nobody asks. </span><mark>' in page.text
    text = said(page)
    for part in (
        "Confidence 93 %",
        "Answered by: small",
        "Cost $0.0012",
        "Tokens 1,234",
        "250 ms in version 2",
        "[1] Leave hr/leave.md › Rules · page 3",
        "A car is worth 40. The number 40 is in no passage. (support 2 %)",
    ):
        assert part in text
    zh = said(
        await browse().post("/console/knowledge/hr/answer", data={"question": "q"}, headers=ZH)
    )
    assert "数字 40 不在任何段落中。 (支持度 2%)" in zh


async def test_a_citation_whose_version_is_gone_is_shown_alone(browse, desk) -> None:
    desk.gone = True
    page = await ask(browse(), "answer")
    assert '<span class="quiet"></span><mark>Leave is 30 days.</mark>' in page.text


async def test_a_flagged_sentence_is_told_as_such(browse, desk) -> None:
    flagged = AnswerSentence(
        text="It is 40.",
        span=Span(0, 9),
        citations=(),
        verdict=judged(Support.UNSUPPORTED, 0.1),
    )
    desk.changes = {"sentences": (flagged,), "text": "It is 40 [?].", "cost_usd": None}
    page = said(await ask(browse(), "answer"))
    assert "Flagged sentences" in page
    assert "Withheld sentences" not in page
    assert "Cost not known" in page


@pytest.mark.parametrize("refusal", Refusal)
async def test_a_refusal_is_told_plainly(browse, desk, refusal: Refusal) -> None:
    desk.changes = {
        "refusal": refusal,
        "text": "There is nothing.",
        "citations": (),
        "sentences": (),
    }
    for headers, badge in ((None, "no answer"), (ZH, "拒绝回答")):
        page = await browse().post(
            "/console/knowledge/hr/answer", data={"question": "q"}, headers=headers
        )
        assert badge in said(page)
        assert "There is nothing." in page.text
        assert "<ol" not in page.text


@pytest.mark.parametrize("k", ["0", "101", "-1", "ten", "1e1", "²", "9" * 500])
async def test_a_number_of_passages_that_is_none_is_told(browse, desk, k: str) -> None:
    page = await ask(browse(), "search", k=k)
    assert page.status_code == 200
    assert "is no number of passages. Ask for 1 to 100." in said(page)
    assert desk.asked == []


async def test_what_fails_is_told_in_its_place(browse, desk) -> None:
    desk.trouble = IndexUnavailable("The drive is gone.", remedy="Mount it.")
    page = await ask(browse(), "search")
    assert page.status_code == 200
    assert '<p class="notice" role="alert">The drive is gone. Mount it.</p>' in page.text


async def test_versions_can_be_changed_and_what_fails_is_told(browse, desk) -> None:
    async with browse() as client:
        page = await client.get("/knowledge/hr")
        assert "versions/1/activate" in page.text
        assert "versions/2/activate" not in page.text
        done = await client.post("/console/knowledge/hr/versions/1/activate")
        assert desk.live == 1
        assert "versions/2/activate" in done.text
        assert "<html" not in done.text
        wrong = await client.post("/console/knowledge/hr/versions/9/activate")
        assert "There is no version 9." in said(wrong)


async def test_versions_that_are_released_are_changed_at_their_endpoint(browse, desk) -> None:
    desk.released = True
    async with browse() as client:
        page = await client.get("/knowledge/hr")
        assert 'href="/endpoints/hr"' in page.text
        assert "/activate" not in page.text
        assert "version 2 in production" in said(page)
        forced = await client.post("/console/knowledge/hr/versions/1/activate")
        assert "Versions of it are released." in said(forced)
        assert desk.live == 2


async def test_evaluations_are_shown_over_time(browse, desk) -> None:
    async with browse() as client:
        empty = said(await client.get("/knowledge/hr"))
        assert "seatrial rag eval questions.jsonl --index hr" in empty
        mean = KeptMean(mean=0.75, interval=(0.5, None), n=20)
        sure = KeptMean(mean=0.5, interval=(0.25, 0.625), n=20)
        at = datetime(2026, 11, 3, tzinfo=UTC)
        desk.kept = KeptEvaluations(
            found=[
                KeptEvaluation(at=at, version=1, k=10, metrics={"ndcg": mean, "recall": sure}),
                KeptEvaluation(at=at, version=2, k=0, metrics={"f1": sure, "later": mean}),
            ],
            n_unreadable=3,
        )
        page = await client.get("/knowledge/hr")
        text = said(page)
        assert "nDCG@10 recall@10" in text
        assert "1 20 0.750 0.500 (0.250 – 0.625)" in text
        assert "F1 of words" in text
        assert "Files that hold no evaluation: 3" in text
        assert page.text.count("<circle") == 2
        zh = said(await client.get("/knowledge/hr", headers=ZH))
        assert "召回率@10" in zh
        assert "不是评估结果的文件：3 个" in zh


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_documents_are_text(browse, desk, language: str) -> None:
    desk.found = [Found(passage=passage(HOSTILE + " leave", HOSTILE), score=0.5)]
    citation = replace(
        reply(Asked(question="q")).citations[0],
        title=HOSTILE,
        source=HOSTILE,
        section=(HOSTILE,),
        text=HOSTILE,
    )
    sentence = replace(reply(Asked(question="q")).sentences[0], text=HOSTILE)
    desk.changes = {"text": HOSTILE, "citations": (citation,), "sentences": (sentence,)}
    for verb in ("search", "answer"):
        page = await browse().post(
            f"/console/knowledge/hr/{verb}",
            data={"question": HOSTILE},
            headers={"accept-language": language},
        )
        parsed = ParsedPage(page.text)
        assert not parsed.names() & {"script", "img"}
        assert all("onerror" not in attributes for _, attributes in parsed.tags)
        assert "alert(1)" in parsed.text
        assert "\u202e" not in page.text


async def test_other_people_see_and_do_nothing(browse, desk) -> None:
    async with browse(token=TOKEN) as client:
        for path in ("/knowledge", "/knowledge/hr", "/console/knowledge/hr"):
            page = await client.get(path)
            assert page.status_code == 403
            assert "minilm" not in page.text
        for path in ("search", "answer", "versions/1/activate"):
            page = await client.post(f"/console/knowledge/hr/{path}", data={"question": "q"})
            assert page.status_code == 403
    assert desk.asked == []
    assert desk.live == 2
