"""A corpus analysed, and the report on it."""

import json
import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from seatrial.gateway.tokens.encodings import Encoding
from seatrial.rag.chunking.spoken import chunker_spoken
from seatrial.rag.evaluation.analysis import CorpusEmpty, Note, analyze
from seatrial.rag.evaluation.analysis_page import (
    analysis_page,
    analysis_record,
    costs_told,
    counted,
    summary,
    told,
)
from seatrial.rag.evaluation.questions import Question
from seatrial.rag.retrieval.settings import Mode, RetrievalSettings
from seatrial.testing.index_corpus import PLAIN_WORDS
from seatrial.testing.memory_index_store import MemoryIndexStore


class Prices:
    """A dollar a million tokens, of one vendor."""

    def quote(self, provider, model, terms=None):
        return self if provider == "openai" else None

    def cost(self, usage):
        return Decimal(usage.input_tokens) / 1_000_000


@pytest.fixture
def analysis_of(embedder, chunkers):
    def analysis(documents, **options):
        return analyze(
            documents,
            embedder=embedder,
            chunkers=options.pop("chunkers", chunkers),
            store=MemoryIndexStore(PLAIN_WORDS),
            settings=RetrievalSettings(),
            **options,
        )

    return analysis


def people(ships):
    return [Question(id=ship.id, text=ship.text[:60], relevant={ship.id: 1.0}) for ship in ships]


def test_without_questions_some_are_made_and_choose_the_chunker_only(ships, analysis_of):
    found = analysis_of(ships, prices=Prices())
    assert found.n_questions == 36
    assert found.recommendation.trial.mode is Mode.HYBRID
    assert set(found.notes) >= {Note.GENERATED, Note.FEW_QUESTIONS}
    assert found.sampled == 1
    assert len(found.trials) == 6
    assert len(found.chunkers) == 2


def test_of_those_not_shown_to_be_worse_the_cheapest_is_recommended(ships, analysis_of):
    found = analysis_of(ships, questions=people(ships))
    assert Note.GENERATED not in found.notes
    recommended = found.recommendation
    assert recommended.trial.held_bytes == min(
        trial.held_bytes for trial in found.trials if trial.evaluation.name in recommended.alike
    )
    assert recommended.behind.interval.lower <= 0


def test_costs_are_those_of_the_whole_corpus(ships, analysis_of):
    found = analysis_of(ships, prices=Prices(), max_characters=len(ships[0].text) * 3)
    assert 0.1 < found.sampled < 0.5
    assert Note.SAMPLED in found.notes
    by_model = {(cost.provider, cost.model): cost for cost in found.hosted}
    known = by_model["openai", "text-embedding-3-small"]
    assert known.corpus_usd == Decimal(known.n_tokens) / 1_000_000
    assert known.thousand_questions_usd == Decimal("0.02")
    assert by_model["cohere", "embed-v4.0"].corpus_usd is None
    whole = analysis_of(ships)
    assert found.n_corpus_tokens == pytest.approx(whole.n_corpus_tokens, rel=0.05)


class ByCharacter:
    """An encoder of a vocabulary of characters."""

    exact = ready = True

    def __init__(self, encoding):
        self.encoding = encoding

    def count(self, text):
        return len(text) if self.encoding is Encoding.CL100K else 0


def test_hosted_embedders_count_tokens_in_their_own_way(ships, analysis_of):
    """They were all counted as the embedder here does."""
    found = analysis_of(ships, prices=Prices(), encoder=ByCharacter)
    openai, _, google, *_ = found.hosted
    tokens, characters = found.corpus.tokens.total, found.corpus.characters.total
    assert openai.exact
    assert openai.n_tokens == round(found.n_corpus_tokens * characters / tokens)
    assert openai.corpus_usd == Decimal(openai.n_tokens) / 1_000_000
    assert not google.exact
    assert 0.5 < google.n_tokens / found.n_corpus_tokens < 2
    first, exact, _, estimated, *_ = costs_told(found)
    assert "~ are estimated" in first
    assert f": {openai.n_tokens:,} tokens;" in exact
    assert f": ~{google.n_tokens:,} tokens;" in estimated


def test_what_answers_a_question_is_in_the_sample(ships, analysis_of):
    asked = people(ships[5:8])
    found = analysis_of(ships, questions=asked, max_characters=1)
    assert found.n_questions == 3
    assert found.sampled == pytest.approx(3 / 12, abs=0.02)


def test_what_the_reader_should_know_is_told(ships, analysis_of):
    copies = [*ships, *(type(s)(id=s.id + "b", text=s.text, title="", source="", format="text",
              language="zh", digest="") for s in ships[:6])]  # fmt: skip
    empty = type(ships[0])(
        id="e", text=" ", title="", source="", format="pdf", language=None, digest=""
    )
    found = analysis_of([*copies, empty])
    assert set(found.notes) >= {Note.DUPLICATES, Note.EMPTY, Note.FOREIGN}


def test_chunks_beyond_the_embedder_are_told(ships, analysis_of, chunkers):
    assert Note.TOO_LONG in analysis_of(ships, chunkers=chunkers[:1]).notes


def test_texts_without_a_sentence_get_facts_and_no_recommendation(ships, analysis_of):
    short = type(ships[0])(
        id="s", text="Keel.", title="", source="", format="text", language="en", digest=""
    )
    found = analysis_of([short])
    assert found.recommendation is None
    assert found.trials == ()
    assert summary(found) == "No question could be asked, so nothing is recommended."
    assert "<h2>Corpus</h2>" in analysis_page(found)
    assert analysis_record(found)["recommendation"] is None


def test_nothing_to_read_is_refused(analysis_of, ships):
    with pytest.raises(CorpusEmpty, match="none of 0 documents holds a word"):
        analysis_of([])
    with pytest.raises(CorpusEmpty):
        analysis_of(ships, chunkers=[])


class Outline(HTMLParser):
    """Checks that tags close in order, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags = [], "", set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data


def outline(html):
    parser = Outline()
    parser.feed(html)
    assert parser.open == []
    return parser


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_what_was_found(ships, analysis_of, language):
    found = analysis_of(ships, prices=Prices())
    page = outline(analysis_page(found, language))
    assert summary(found, language) in page.text
    assert all(text in page.text for text in told(found, language))
    assert chunker_spoken(found.recommendation.trial.chunker, language) in page.text
    assert "text-embedding-3-small" in page.text
    for text in counted(found, language):
        name, said = re.split(": |：", text, maxsplit=1)
        assert name in page.text
        assert said in page.text
    assert "{" not in page.text
    assert "script" not in page.tags


def test_costs_are_told_for_each_hosted_embedder_and_never_as_nothing(ships, analysis_of):
    first, *each = costs_told(analysis_of(ships, prices=Prices()))
    assert first.startswith("What hosted embedders would cost: The whole corpus once")
    assert each[0].startswith("openai text-embedding-3-small: ~")
    assert each[0].endswith(" 1,000 questions USD 0.0200")
    assert each[-1].startswith("cohere embed-v4.0: ~")
    assert each[-1].endswith("the corpus USD unknown, 1,000 questions USD unknown")
    (_, small, *_) = costs_told(analysis_of(ships[:1], prices=Prices()))
    assert "the corpus USD < 0.0001" in small
    assert "pip install 'seatrial[gateway]'" in costs_told(analysis_of(ships))[1]


def test_a_setting_that_was_no_better_is_not_said_to_have_reached_more(ships, analysis_of):
    found = summary(analysis_of(ships, questions=people(ships)))
    assert "reached 0.000 more" not in found
    assert "did no better, and this one needs" in found


def test_questions_from_the_text_praise_the_cut_and_not_the_search(ships, analysis_of):
    assert "No other setting" not in summary(analysis_of(ships))
    asked = summary(analysis_of(ships, questions=people(ships)))
    assert "No other way of cutting" not in asked


def test_names_of_documents_are_text_and_not_tags(ships, analysis_of):
    named = [
        type(s)(id=f"<b>{n}", text=ships[0].text, title="", source="", format="<i>",
                language="en", digest="")
        for n, s in enumerate(ships[:3])
    ]  # fmt: skip
    assert "<b>" not in analysis_page(analysis_of(named))


def test_the_record_is_json(ships, analysis_of):
    record = json.loads(json.dumps(analysis_record(analysis_of(ships, prices=Prices()))))
    assert record["corpus"]["n_documents"] == 12
    assert len(record["trials"]) == 6
    assert record["recommendation"]["said"]["zh"].startswith("用 ")
    assert record["hosted"][0]["thousand_questions_usd"] == "0.02"
