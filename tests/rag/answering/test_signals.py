import msgspec
import numpy as np
import pytest

from seatrial.rag.answering.signals import han_signals, vector_signals, word_signals
from tests.rag.answering.hits import even, texts


def test_more_of_a_question_in_one_passage_is_more_confidence(passages):
    def shares(*held):
        told = word_signals("red fox river", "en", texts(passages, *held), even)
        return [told["share"], told["together"]]

    assert shares("a red fox at the river") == pytest.approx([1, 1])
    assert all(0 < share < 1 for share in shares("a red fox", "the river"))
    assert shares("nothing") == [0, 0]


def test_a_word_that_no_passage_of_the_corpus_has_weighs_most(passages):
    def rare(words):
        return np.array([8.0 if word == "wolf" else 1.0 for word in words])

    held = texts(passages, "a fox")
    assert word_signals("wolf fox", "en", held, rare)["share"] < 0.2
    assert word_signals("wolf fox", "en", held, even)["share"] == pytest.approx(0.5, abs=0.1)


def test_neighbouring_words_count_where_they_are_neighbours(passages):
    def pairs(text):
        return word_signals("red fox river", "en", texts(passages, text), even)["pairs"]

    assert pairs("the red fox river runs dry") == 1
    assert pairs("a fox that is red at a river") == 0


def test_bm25_is_told_as_a_share_of_what_it_could_be(passages):
    hits = [msgspec.structs.replace(texts(passages, "a red fox")[0], lexical=6.0)]
    assert word_signals("red fox", "en", hits, even)["lexical"] == pytest.approx(1.0)


def test_near_is_the_cosine_of_the_passage_that_holds_most(passages):
    question = "red fox river"
    agreeing = texts(passages, "a red fox", "nothing", cosines=(0.7, 0.2))
    not_agreeing = texts(passages, "a red fox", "nothing", cosines=(0.2, 0.7))
    assert vector_signals(question, "en", agreeing, even)["near"] == 0.7
    told = vector_signals(question, "en", not_agreeing, even)
    assert (told["dense"], told["near"]) == (0.7, 0.2)


def chinese(passages, question, *held, idf=even, **changes):
    hits = [msgspec.structs.replace(one, **changes) for one in texts(passages, *held)]
    return han_signals(question, hits, idf)


def ranked(passages, *scores, documents=None):
    """Passages of so many documents, with their BM25."""
    hits = texts(passages, *["船"] * len(scores))
    return [
        msgspec.structs.replace(
            one,
            lexical=score,
            passage=msgspec.structs.replace(
                one.passage, document=documents[n] if documents else f"d{n}"
            ),
        )
        for n, (one, score) in enumerate(zip(hits, scores, strict=True))
    ]


def test_characters_are_covered_beside_their_neighbours(passages):
    def common_particle(words):
        return np.array([0.1 if word == "的" else 3.0 for word in words])

    def covered(*held):
        return chinese(passages, "刘节的籍贯", *held, idf=common_particle)["covered"]

    assert covered("刘节的籍贯是广东") == 1
    assert covered("刘节，籍贯广东") > 0.95  # 节的 and 的籍 are no words, and are in no text
    assert covered("籍贯") < covered("刘节，籍贯广东")
    assert covered("刘某，节日，籍，贯") == 0
    assert covered("籍贯", "刘节") == max(covered("籍贯"), covered("刘节"))


def test_a_character_by_itself_is_covered_by_itself(passages):
    assert chinese(passages, "䲟？", "䲟鱼")["covered"] == 1


def test_a_rare_character_counts_more_than_one_that_texts_have_anyway(passages):
    def rare(words):
        return np.array([6.0 if "䲟" in word or "鳍" in word else 1.0 for word in words])

    assert chinese(passages, "䲟鳍长度", "䲟鳍", idf=rare)["covered"] > 0.8
    assert chinese(passages, "䲟鳍长度", "长度", idf=rare)["covered"] < 0.2


def test_names_and_numbers_in_a_chinese_question_count_whole(passages):
    held = chinese(passages, "Kelly 17号", "Kelly的17号")["covered"]
    assert held == 1
    assert chinese(passages, "Kelly 17号", "Kelly的16号")["covered"] < held
    assert chinese(passages, "Running", "running")["covered"] == 1


def test_the_best_document_is_told_apart_from_the_others(passages):
    def apart(*scores, **documents):
        return han_signals("船", ranked(passages, *scores, **documents), even)["apart"]

    assert apart(8.0, 2.0, 2.0) == pytest.approx(0.75)
    assert apart(2.0, 8.0, 2.0) == pytest.approx(0.75)
    assert apart(8.0, 8.0) == 0
    assert apart(8.0) == 1
    assert apart(8.0, 7.0, 2.0, documents="aab") == pytest.approx(0.75)
    assert apart(None, None) == 0
    assert apart(8.0, None) == 1


@pytest.mark.parametrize(
    ("title", "question", "named"),
    [
        ("战国无双3", "《战国无双3》由谁开发？", 1.0),
        ("上海轨道交通16号线 (2010年前)", "上海轨道交通16号线有多长？", 1.0),
        ("上海轨道交通16号线（旧）", "上海轨道交通17号线有多长？", 0.0),
        ("Kellylicious", "KELLYLICIOUS是谁的专辑？", 1.0),
        ("船", "船在哪里？", 0.0),
        ("", "船在哪里？", 0.0),
        ("(草稿)", "草稿在哪里？", 0.0),
    ],
)
def test_a_question_may_name_a_document(passages, title, question, named):
    hit = texts(passages, "文")[0]
    hit = msgspec.structs.replace(hit, passage=msgspec.structs.replace(hit.passage, title=title))
    assert han_signals(question, [hit], even)["named"] == named


def test_a_title_that_several_documents_share_names_none(passages):
    def named(*parts):
        hits = ranked(passages, *[3.0] * len(parts))
        hits = [
            msgspec.structs.replace(
                one, passage=msgspec.structs.replace(one.passage, title=title, document=document)
            )
            for one, (title, document) in zip(hits, parts, strict=True)
        ]
        return han_signals("恒星有多大？", hits, even)["named"]

    assert named(("恒星", "a"), ("行星", "b")) == 1
    assert named(("恒星", "a"), ("恒星", "a")) == 1  # two passages of one document
    assert named(("恒星", "a"), ("恒星", "b")) == 0
    assert named(("恒星", "a"), ("行星", "b"), ("行星", "c")) == 0


def test_three_neighbours_count_where_they_are_neighbours(passages):
    def threes(question, *held):
        return chinese(passages, question, *held)["threes"]

    assert threes("图书馆", "市图书馆") == 1
    assert threes("图书馆", "图书和书馆") == 0
    assert 0 < threes("图书馆藏", "图书馆") < 1
    assert threes("图书馆藏", "图书馆", "书馆藏") == threes("图书馆藏", "图书馆")
    assert threes("图书", "图书馆") == 1  # no three: as many as are covered
    assert threes("图书", "书") < 1


@pytest.mark.parametrize("question", ["？", "什么？", "a", "\ud800", "ー", "한국"])
def test_signals_are_shares_whatever_is_asked(passages, question):
    told = chinese(passages, question, "战国无双3", lexical=1.0)
    assert all(0 <= value <= 1 for value in told.values())
