"""From a question to passages and a context."""

from itertools import count

import numpy as np
import pytest

from seatrial.rag.index.conditions import Equals
from seatrial.rag.index.failures import Unsupported
from seatrial.rag.index.mirror import MirroredIndex, copy_vectors
from seatrial.rag.index.reading import Scope
from seatrial.rag.retrieval.found import DenseUse
from seatrial.rag.retrieval.retriever import EmbedderDiffers, QuestionInvalid, Retriever
from seatrial.rag.retrieval.rewriting import Rewriting
from seatrial.rag.retrieval.settings import Fusion, Mode, RetrievalSettings
from seatrial.testing.memory_vectors import MemoryVectors

ALL = Scope(readers=None)
SHIPS = {
    "keel": "the keel of the ship was laid in may",
    "mast": "the mast of the ship broke in a storm",
    "sail": "white sails dry in the morning sun",
    "海试": "海试是新船交付之前的航行试验",
}


def names(retrieved):
    return [one.passage.document for one in retrieved.found]


def retriever(index, embedder, **settings):
    return Retriever(index, embedder, RetrievalSettings(**settings))


def test_the_passage_that_answers_comes_first_with_the_scores_that_led_to_it(index_of, embedder):
    got = retriever(index_of(SHIPS), embedder).search(" When was the keel laid? ", ALL)
    assert names(got)[0] == "keel"
    best = got.found[0]
    assert 0.7 < best.score < 1  # the nearest, and one of the words that were searched
    assert best.lexical > 0
    assert -1 <= best.dense <= 1
    assert best.reranked is None
    assert got.questions == ("When was the keel laid?",)
    assert (got.index, got.version, got.language) == ("kb", 1, "en")
    assert got.dense_use is DenseUse.FULL


def test_scores_fall_and_k_is_kept(index_of, embedder):
    got = retriever(index_of(SHIPS), embedder).search("ship in the storm", ALL, k=2)
    assert len(got.found) == 2
    assert got.found[0].score >= got.found[1].score


def test_words_alone_are_searched_without_an_embedder(index_of):
    got = retriever(index_of(SHIPS, vectors=False), None).search("broken mast", ALL)
    assert names(got) == ["mast"]
    assert got.found[0].dense is None
    assert got.dense_use is DenseUse.NO_EMBEDDER


def test_what_only_words_find_gets_its_cosine_too(index_of, embedder):
    got = retriever(index_of(SHIPS), embedder, candidates=1, k=1, repeats=None).search(
        "ship mast keel keel", ALL
    )
    assert all(one.dense is not None for one in got.found)


def test_a_question_the_embedder_does_not_understand_is_searched_by_its_words(index_of, embedder):
    index = index_of(SHIPS)
    n_before = embedder.n_calls
    got = retriever(index, embedder).search("海试是新船交付之前的航行试验", ALL)
    assert names(got) == ["海试"]
    assert got.dense_use is DenseUse.LANGUAGE
    assert embedder.n_calls == n_before


def test_vectors_are_the_last_resort_where_no_word_is_found(index_of, embedder):
    got = retriever(index_of(SHIPS), embedder).search("船舶龙骨", ALL)
    assert got.dense_use is DenseUse.LAST_RESORT
    assert len(got.found) == len(SHIPS)


def test_an_embedder_that_tells_no_languages_is_not_asked_in_one_that_it_lumps(index_of, embedder):
    def lumped(texts, embed=embedder.embed_documents):
        return embed(["one vector" if text > "\u4000" else text for text in texts])

    embedder.embed_documents = embedder.embed_queries = lumped
    asks = retriever(index_of(SHIPS), embedder)
    for told, use in ((None, DenseUse.LANGUAGE), (frozenset({"zh"}), DenseUse.FULL)):
        embedder.languages = told
        assert asks.search("海试是新船交付之前的航行试验", ALL).dense_use is use


def test_a_poor_match_of_words_says_less_than_a_good_one(index_of, embedder):
    """One word of eight is in a passage, which must not count as if all of them were."""
    index = index_of(SHIPS)
    weak = retriever(index, embedder).search("broke open bottles beside seven quiet harbours", ALL)
    strong = retriever(index, embedder).search("mast broke in a storm", ALL)
    assert names(weak)[0] == names(strong)[0] == "mast"
    assert weak.found[0].score < 0.8 < strong.found[0].score


class Indifferent:
    """Finds all documents at right angles to every question."""

    name = "words"
    dimensions = 64
    languages = None

    def embed_documents(self, texts):
        return np.tile(np.eye(64, dtype=np.float32)[0], (len(texts), 1))

    def embed_queries(self, texts):
        return np.tile(np.eye(64, dtype=np.float32)[1], (len(texts), 1))


def test_vectors_that_are_no_nearer_than_those_of_any_text_say_nothing(index_of, embedder):
    embedder.embed_documents = Indifferent().embed_documents
    index = index_of(SHIPS)
    got = Retriever(index, Indifferent(), RetrievalSettings()).search("keel of the ship", ALL)
    by_words = retriever(index, None, mode=Mode.LEXICAL).search("keel of the ship", ALL)
    scores = {one.passage.document: one.score for one in by_words.found}
    assert names(got)[:2] == names(by_words)
    assert {one.passage.document: one.score for one in got.found[:2]} == pytest.approx(scores)


def test_a_search_by_one_leg_ranks_as_that_leg(index_of, embedder):
    index = index_of(SHIPS)
    vector = embedder.embed_queries(["ship sails"])[0]
    dense = retriever(index, embedder, mode=Mode.DENSE).search("ship sails", ALL)
    assert [one.passage.key for one in dense.found] == index.dense(vector, 10, ALL).keys.tolist()
    lexical = retriever(index, embedder, mode=Mode.LEXICAL).search("ship sails", ALL)
    expected = index.lexical("ship sails", 10, ALL).keys.tolist()
    assert [one.passage.key for one in lexical.found] == expected


def test_reciprocal_ranks_are_there_for_who_wants_them(index_of, embedder):
    settings = {"fusion": Fusion.RECIPROCAL_RANK, "dense_weight": 0.5}
    got = retriever(index_of(SHIPS), embedder, **settings).search("keel of the ship", ALL)
    assert got.found[0].score == pytest.approx(1)


def native(index, embedder, **given):
    """The index with its vectors and words in a store that fuses."""
    vectors = MemoryVectors(embedder.dimensions)
    copy_vectors(index, vectors)
    return MirroredIndex(index, vectors, **given)


def test_the_store_fuses_and_what_is_shown_is_what_the_index_knows(index_of, embedder):
    index = index_of(SHIPS)
    search = retriever(native(index, embedder), embedder, fusion=Fusion.NATIVE, repeats=None)
    got = search.search("the mast broke", ALL)
    ours = retriever(index, embedder, repeats=None).search("the mast broke", ALL)
    assert names(got)[0] == "mast"
    assert "native" in got.seconds
    assert not {"dense", "search"} & got.seconds.keys()
    scores = [one.score for one in got.found]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(1)
    known = {one.passage.document: (one.dense, one.lexical) for one in ours.found}
    for one in got.found:
        dense, lexical = known[one.passage.document]
        assert one.dense == pytest.approx(dense, abs=1e-6)
        assert one.lexical == pytest.approx(lexical)


def test_only_what_the_asker_may_read_is_fused(index_of, embedder):
    index = index_of(SHIPS, readers={"mast": frozenset({"crew"})})
    search = retriever(native(index, embedder), embedder, fusion=Fusion.NATIVE)
    assert "mast" not in names(search.search("the mast broke", Scope()))
    assert "mast" in names(search.search("the mast broke", Scope(readers=frozenset({"crew"}))))


class FusesNothing(MemoryVectors):
    def hybrid(self, *_, **__):
        raise Unsupported("There is no such search.", remedy="Set retrieval.fusion to convex.")


def test_where_no_store_fuses_the_index_does(index_of, embedder):
    """Its vectors are its own, the copy has no words, or the store cannot."""
    index = index_of(SHIPS)
    ours = retriever(index, embedder).search("the mast broke", ALL)
    plain = FusesNothing(embedder.dimensions)
    copy_vectors(index, plain)
    for one in (
        index,
        native(index, embedder, has_words=False),
        MirroredIndex(index, plain),
    ):
        got = retriever(one, embedder, fusion=Fusion.NATIVE).search("the mast broke", ALL)
        assert [(f.passage, f.lexical) for f in got.found] == [
            (f.passage, f.lexical) for f in ours.found
        ]
        assert "native" not in got.seconds


def test_a_question_the_embedder_does_not_understand_is_not_fused(index_of, embedder):
    search = retriever(native(index_of(SHIPS), embedder), embedder, fusion=Fusion.NATIVE)
    got = search.search("海试是新船交付之前的航行试验", ALL)
    assert names(got) == ["海试"]
    assert got.dense_use is DenseUse.LANGUAGE
    assert "native" not in got.seconds


def test_one_kind_of_search_is_never_fused(index_of, embedder):
    for mode in (Mode.DENSE, Mode.LEXICAL):
        index = native(index_of(SHIPS), embedder)
        got = retriever(index, embedder, fusion=Fusion.NATIVE, mode=mode).search("mast", ALL)
        assert "native" not in got.seconds


def test_wordings_are_fused_by_the_store_too(index_of, embedder):
    search = retriever(native(index_of(SHIPS), embedder), embedder, fusion=Fusion.NATIVE)
    rewriting = Rewriting(by="m", wordings=("white sails in the sun",))
    got = search.search("cloth", ALL, rewriting=rewriting)
    assert "sail" in names(got)[:2]
    assert got.found[0].score <= 1


def test_only_what_is_in_scope_is_found(index_of, embedder):
    index = index_of(
        SHIPS, readers={"keel": frozenset({"yard"})}, metadata={"mast": {"year": 1999}}
    )
    search = retriever(index, embedder).search
    assert "keel" not in names(search("keel of the ship", Scope()))
    assert names(search("keel of the ship", Scope(readers=frozenset({"yard"}))))[0] == "keel"
    assert names(search("ship", Scope(where=Equals("year", 1999), readers=None))) == ["mast"]


def test_copies_make_room_for_others(index_of, embedder):
    texts = dict.fromkeys(("a", "b", "c"), SHIPS["keel"]) | {"mast": SHIPS["mast"]}
    index = index_of(texts)
    assert names(retriever(index, embedder).search("keel of the ship", ALL, k=2)) == ["a", "mast"]
    kept = retriever(index, embedder, repeats=None).search("keel of the ship", ALL, k=3)
    assert names(kept) == ["a", "b", "c"]


class Backwards:
    """Likes what was found last."""

    name = "backwards"

    def scores(self, question, passages):
        assert question == "ship"
        return np.arange(len(passages), dtype=np.float32)


def test_the_reranker_decides_among_the_best(index_of, embedder):
    index = index_of(SHIPS)
    plain = retriever(index, embedder).search("ship", ALL)
    settings = RetrievalSettings(reranked=2)
    got = Retriever(index, embedder, settings, reranker=Backwards()).search("ship", ALL)
    assert names(got) == [names(plain)[i] for i in (1, 0, 2, 3)]
    assert [one.reranked for one in got.found] == [1, 0, None, None]
    scores = [one.score for one in got.found]
    assert scores == sorted(scores, reverse=True)


def test_other_wordings_find_what_the_question_misses(index_of):
    index = index_of(SHIPS, vectors=False)
    rewriting = Rewriting(by="m", wordings=("sails dry", "broken mast"), seconds=0.5)
    got = retriever(index, None).search("broken mast", ALL, rewriting=rewriting)
    assert got.questions == ("broken mast", "sails dry")
    assert names(got) == ["mast", "sail"]
    assert got.rewriting is rewriting
    assert got.seconds["rewrite"] == 0.5


def test_a_wording_of_something_else_does_not_outrank_what_the_question_finds(index_of):
    index = index_of({"a": "keel ship", "z": "broken mast"}, vectors=False)
    rewriting = Rewriting(by="m", wordings=("keel ship",))
    got = retriever(index, None).search("broken mast", ALL, rewriting=rewriting)
    assert names(got) == ["z", "a"]


def test_diversity_prefers_what_is_unlike_the_best(index_of, embedder):
    texts = {"a": "keel ship one", "b": "keel ship two", "c": "sun wind rain"}
    index = index_of(texts)
    assert names(retriever(index, embedder).search("keel ship", ALL)) == ["a", "b", "c"]
    diverse = retriever(index, embedder, relevance=0.1).search("keel ship", ALL)
    assert names(diverse) == ["a", "c", "b"]


def test_every_stage_tells_its_time(index_of, embedder):
    ticks = count()
    index = index_of(SHIPS)
    clock = Retriever(index, embedder, RetrievalSettings(), clock=lambda: float(next(ticks)))
    assert clock.search("keel", ALL).seconds == {
        "embed": 1, "search": 1, "fuse": 2, "read": 1, "distinct": 1,
    }  # fmt: skip


@pytest.mark.parametrize("vectors", [True, False])
def test_an_empty_index_finds_nothing(index_of, embedder, vectors):
    index = index_of({}, vectors=vectors)
    search = retriever(index, embedder if vectors else None)
    got = search.search("anything", ALL)
    assert got.found == ()
    assert search.context(got).passages == ()


def test_a_context_merges_the_parents_and_keeps_the_budget(index_of, embedder):
    index = index_of({"log": ["the keel was laid", "the mast was set"], **SHIPS})
    search = retriever(index, embedder, max_context_tokens=8)
    context = search.context(search.search("keel laid mast set", ALL))
    assert context.passages[0].text == "the keel was laid\nthe mast was set"
    assert context.n_tokens == 8
    in_letters = search.context(search.search("keel", ALL), count=len)
    assert in_letters.passages == ()


def test_another_embedder_than_that_of_the_index_is_refused(index_of, embedder):
    index = index_of(SHIPS)
    embedder.name = "other"
    with pytest.raises(EmbedderDiffers, match=r"'kb' version 1 holds vectors of 'words', and 'oth"):
        retriever(index, embedder)


@pytest.mark.parametrize(
    ("question", "k", "problem"),
    [
        ("  \n", None, "The question is empty"),
        ("a" * 10_001, None, r"has 10,001 characters; at most 10,000 are searched"),
        ("keel", 0, "k is 0"),
    ],
)
def test_what_cannot_be_searched_is_refused(index_of, embedder, question, k, problem):
    with pytest.raises(QuestionInvalid, match=problem):
        retriever(index_of(SHIPS), embedder).search(question, ALL, k=k)
