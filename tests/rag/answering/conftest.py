"""Documents of a small corpus, as a retriever hands them over."""

import hashlib

import pytest

from seatrial.rag.index.passage import Passage
from seatrial.rag.retrieval.found import ContextPassage, Found
from seatrial.rag.text.document import Document, Span

NORMANS = (
    "# Normans\n\nThe Normans gave their name to Normandy, a region in France. They were descended "
    "from Norse raiders from Denmark, Iceland and Norway. Under their leader Rollo they agreed to "
    "swear fealty to King Charles III of West Francia in 911.\n\nAbout 1,000 ships did not return."
)
GAME = (
    "《战国无双3》是由光荣开发的系列第三续作。本作共有20张战场地图，于2009年12月3日发售。\n\n"
    "销量增加了百分之三十。制作人是鲤沼久史。"
)
OVENS = "The oven is cleaned with vinegar. It takes an hour. Never use bleach on steel."


def document(name, text, title):
    return Document(
        id=name,
        text=text,
        title=title,
        source=f"{name}.md",
        format="markdown",
        language="zh" if text == GAME else "en",
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def context(doc, start=0, end=None, *, score=1.0, page=None):
    """A part of a document as a context passage that was found as one chunk."""
    end = len(doc.text) if end is None else end
    span = Span(start, end)
    text = doc.text[start:end]
    passage = Passage(
        key=hash((doc.id, start)) & 0xFFFF,
        document=doc.id,
        title=doc.title,
        source=doc.source,
        language=doc.language,
        metadata={},
        span=span,
        text=text,
        parent=span,
        parent_text=text,
        n_tokens=len(text) // 4,
        section=(doc.title,),
        page=page,
    )
    hit = Found(passage=passage, score=score, dense=None, lexical=5.0 * score)
    return ContextPassage(text=text, span=span, hits=(hit,), n_tokens=passage.n_tokens)


@pytest.fixture
def normans():
    return document("normans", NORMANS, "Normans")


@pytest.fixture
def game():
    return document("game", GAME, "战国无双3")


@pytest.fixture
def ovens():
    return document("ovens", OVENS, "Ovens")


@pytest.fixture
def documents(normans, game, ovens):
    return {doc.id: doc for doc in (normans, game, ovens)}


@pytest.fixture
def passages(normans, game, ovens):
    return [context(normans, 11), context(game, score=0.9), context(ovens, score=0.5)]


@pytest.fixture
def resolves(documents):
    """Checks the promise of citations: numbers in the text, and spans of documents."""

    def check(answered):
        assert [one.number for one in answered.citations] == [
            *range(1, len(answered.citations) + 1)
        ]
        for one in answered.citations:
            assert documents[one.document].text[one.span.start : one.span.end] == one.text
            assert one.text.strip()
        used = set()
        for sentence in answered.sentences:
            if sentence.withheld:
                assert sentence.span == (0, 0)
                assert sentence.text not in answered.text
                continue
            start, end = sentence.span
            assert answered.text[start:end] == sentence.text
            for number in sentence.citations:
                assert f"[{number}]" in sentence.text
                used.add(number)
        assert used == {one.number for one in answered.citations}

    return check
