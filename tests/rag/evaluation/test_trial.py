"""Trying chunkers and searches."""

import pytest

from seatrial.rag.evaluation.evaluation import Metric
from seatrial.rag.evaluation.generated import Probe, generated
from seatrial.rag.evaluation.questions import Question
from seatrial.rag.evaluation.trial import try_all
from seatrial.rag.retrieval.settings import Mode, RetrievalSettings
from seatrial.rag.text.document import Span
from seatrial.testing.index_corpus import PLAIN_WORDS
from seatrial.testing.memory_index_store import MemoryIndexStore


@pytest.fixture
def store():
    return MemoryIndexStore(PLAIN_WORDS)


def tried(ships, probes, store, embedder, chunkers, **options):
    return try_all(
        ships,
        probes,
        store=store,
        embedder=embedder,
        chunkers=chunkers,
        settings=RetrievalSettings(),
        **options,
    )


def lexical(trials):
    return next(trial for trial in trials if trial.mode is Mode.LEXICAL)


def test_every_chunker_is_tried_in_every_mode(ships, store, embedder, chunkers):
    seen = []
    trials = tried(
        ships, generated(ships, 12), store, embedder, chunkers,
        progress=lambda done, whole: seen.append((done, whole)),
    )  # fmt: skip
    assert [(t.chunker, t.mode) for t in trials] == [
        (chunker.name, mode) for chunker in chunkers for mode in Mode
    ]
    assert seen == [(0, 2), (1, 2), (2, 2)]
    assert trials[0].n_chunks == 12
    assert trials[3].n_chunks == 36
    assert trials[0].held_bytes == 12 * 26 * 4
    assert lexical(trials).held_bytes == 0
    for trial in trials:
        assert set(trial.evaluation.scores) == {
            Metric.NDCG, Metric.RECALL, Metric.RECIPROCAL_RANK, Metric.SECONDS,
        }  # fmt: skip
        assert len(trial.evaluation.scores[Metric.NDCG]) == 12


def test_an_answer_is_found_where_a_passage_holds_most_of_it(ships, store, embedder, chunkers):
    text = ships[3].text
    end = text.index(".") + 1
    question = Question(id="1", text=text[:end], relevant={"ship-03": 1.0})
    within = Probe(question=question, span=Span(0, end))
    hit = lexical(tried(ships, [within], store, embedder, chunkers[1:]))
    assert hit.evaluation.scores[Metric.RECIPROCAL_RANK] == {"1": 1.0}
    across = Probe(question=question, span=Span(0, len(text)))
    other = MemoryIndexStore(PLAIN_WORDS)
    miss = lexical(tried(ships, [across], other, embedder, chunkers[1:]))
    assert miss.evaluation.scores[Metric.NDCG] == {"1": 0.0}


def test_questions_of_people_are_scored_by_documents(ships, store, embedder, chunkers):
    question = Question(id="1", text=ships[5].text, relevant={"ship-05": 1.0, "ship-06": 1.0})
    trial = lexical(tried(ships, [Probe(question=question)], store, embedder, chunkers[1:]))
    assert trial.evaluation.scores[Metric.RECIPROCAL_RANK] == {"1": 1.0}


def test_a_chunker_that_fails_leaves_no_draft_behind(ships, store, embedder, chunkers):
    class Broken:
        name = "broken"

        def chunks(self, document):
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        tried(ships, generated(ships, 3), store, embedder, [Broken()])
    assert tried(ships, generated(ships, 3), store, embedder, chunkers[:1])
