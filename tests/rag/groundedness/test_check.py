import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.groundedness.check import MAX_SENTENCE, Groundedness
from seatrial.rag.groundedness.profile import profile
from seatrial.rag.groundedness.verdict import Support

ENGLISH = (
    "The Normans were descended from Norse raiders from Denmark, Iceland and Norway. Under their "
    "leader Rollo they agreed to swear fealty to King Charles III of West Francia in 911. About "
    "1,000 ships did not return."
)
CHINESE = (
    "《战国无双3》是由光荣开发的系列第三续作。本作共有20张战场地图，于2009年12月3日发售。"
    "销量增加了百分之三十。该模式没有被取消。"
)
SUPPORTED = [
    "Rollo agreed to swear fealty to King Charles III in 911.",
    "One thousand ships did not return.",
    "The Normans descended from raiders from Denmark, Iceland and Norway.",
    "《战国无双3》由光荣开发。",
    "本作共有二十张战场地图。",
    "销量增加了30%。",
    "该模式没有被取消。",
]
UNSUPPORTED = {
    "Rollo agreed to swear fealty to King Charles III in 912.": ("912", "数字"),
    "Rollo agreed to swear fealty to King Louis VII of West Francia.": ("Louis VII", "名称"),
    "Rollo did not agree to swear fealty to King Charles III.": ("agree", "否定"),
    "One thousand ships returned.": ("return", "否定"),
    "The Normans grew tomatoes and invented the printing press.": ("tomatoes", "没有段落"),
    "本作共有三十张战场地图。": ("三十", "数字"),
    "它于2010年12月3日发售。": ("2010年12月3日", "日期"),
    "该模式被取消。": ("取", "否定"),
    "长城是中国的象征。": ("长城", "没有段落"),
}


GERMAN = (
    "Der Bericht zeigt die Kosten der letzten 3 Monate. Das Programm öffnet die Datei nicht, wenn "
    "das Konto gesperrt ist. Die Firma wurde am 3. März 2017 von Lise Berger gegründet und hatte "
    "im ersten Jahr 1.234,50 Euro Umsatz; 5 Prozent davon waren Zinsen."
)
SAID_IN_GERMAN = [
    "Laut dem Bericht öffnet das Programm die Datei nicht, wenn das Konto gesperrt ist.",
    "Die Firma hatte im ersten Jahr 1234.50 Euro Umsatz.",
    "Die Firma wurde am 03.03.2017 von Lise Berger gegründet.",
    "Der Bericht zeigt die Kosten der letzten 3 Monate.",
    "5 % davon waren Zinsen.",
]
NOT_SAID_IN_GERMAN = {
    "Das Programm öffnet die Datei, wenn das Konto gesperrt ist.": "denies",
    "Das Programm schließt die Datei nicht, wenn das Konto gesperrt ist.": "opposite",
    "Die Firma wurde am 3. Mai 2017 von Lise Berger gegründet.": "3. Mai 2017",
    "Die Firma wurde am 3. März 2017 von Karl Meinhardt gegründet.": "Karl Meinhardt",
    "Die Firma hatte im ersten Jahr 1.334,50 Euro Umsatz.": "1.334,50",
}


@pytest.mark.parametrize("sentence", SAID_IN_GERMAN)
def test_nouns_dates_and_numbers_of_german_are_found(sentence):
    (verdict,) = Groundedness().check([sentence], [GERMAN])
    assert verdict.support is Support.SUPPORTED, verdict.reason


@pytest.mark.parametrize("sentence", NOT_SAID_IN_GERMAN)
def test_what_german_does_not_say_is_not_supported(sentence):
    (verdict,) = Groundedness().check([sentence], [GERMAN])
    assert verdict.support is Support.UNSUPPORTED
    assert NOT_SAID_IN_GERMAN[sentence] in verdict.reason


@pytest.mark.parametrize("name", ["general", "answers"])
@pytest.mark.parametrize("sentence", SUPPORTED)
def test_what_the_passages_say_is_supported(sentence, name):
    (verdict,) = Groundedness(profile(name)).check([sentence], [ENGLISH, CHINESE])
    assert verdict.support is Support.SUPPORTED
    assert verdict.score >= profile(name).threshold
    assert verdict.evidence is not None


@pytest.mark.parametrize("name", ["general", "answers", "web_claims"])
@pytest.mark.parametrize("sentence", UNSUPPORTED)
def test_what_they_do_not_say_is_not_and_the_reason_names_it(sentence, name):
    (verdict,) = Groundedness(profile(name)).check([sentence], [ENGLISH, CHINESE])
    assert verdict.support is Support.UNSUPPORTED
    english, chinese = UNSUPPORTED[sentence]
    assert english in verdict.reason
    assert verdict.reason_zh is not None
    assert chinese in verdict.reason_zh


def test_the_evidence_is_the_sentence_that_says_it():
    (verdict,) = Groundedness().check(
        ["Rollo swore fealty to King Charles III."], [CHINESE, ENGLISH]
    )
    assert verdict.evidence is not None
    start, end = verdict.evidence.span
    assert verdict.evidence.passage == 1
    assert ENGLISH[start:end].startswith("Under their leader Rollo")


def test_evidence_in_two_places_is_told_twice():
    passages = [
        "Ada Lovelace wrote the first program.",
        "The engine was built by Babbage of London.",
    ]
    (verdict,) = Groundedness().check(
        ["Ada Lovelace wrote the first program for the engine of Babbage of London."], passages
    )
    assert verdict.evidence is not None
    assert {verdict.evidence.passage, *(one.passage for one in verdict.also)} == {0, 1}


def test_a_sentence_of_a_passage_is_supported_word_for_word():
    for passage in (ENGLISH, CHINESE):
        for sentence in passage.replace("。", "。|").replace(". ", ".|").split("|"):
            if sentence:
                (verdict,) = Groundedness().check([sentence], [passage])
                assert (verdict.support, verdict.score) == (Support.SUPPORTED, 1.0)


def test_without_passages_nothing_is_supported():
    (verdict,) = Groundedness().check(["Rollo came."], [])
    assert verdict.support is Support.UNSUPPORTED
    assert verdict.evidence is None


def test_the_words_of_the_question_are_nothing_new_in_a_question():
    check = Groundedness()
    (verdict,) = check.check(["Which tomatoes?"], [ENGLISH])
    assert verdict.support is Support.UNSUPPORTED
    (verdict,) = check.check(["Which tomatoes?"], [ENGLISH], question="Tell me about tomatoes.")
    assert verdict.support is Support.NOTHING_SAID


class Model:
    """An entailment model that always says the same."""

    name = "made"

    def __init__(self, probability):
        self.probability = probability
        self.asked = []

    def probabilities(self, pairs):
        self.asked.append(list(pairs))
        return [self.probability] * len(pairs)


def test_an_entailment_model_is_asked_once_and_weighs_more_than_words():
    sentence = "King Charles III received an oath from Rollo."
    (alone,) = Groundedness().check([sentence], [ENGLISH])
    yes, no = Model(0.99), Model(0.01)
    (raised,) = Groundedness(entailment=yes).check([sentence], [ENGLISH])
    (lowered,) = Groundedness(entailment=no).check([sentence, "Hello!"], [ENGLISH])[:1]
    assert lowered.score < alone.score < raised.score
    assert raised.support is Support.SUPPORTED
    assert lowered.support is Support.UNSUPPORTED
    assert "entailment" in lowered.reason
    ((premise, claim),) = no.asked[0]
    assert claim == sentence
    assert "Rollo" in premise


def test_no_model_talks_a_wrong_number_into_being_right():
    sentence = "Rollo agreed to swear fealty to King Charles III in 912."
    (verdict,) = Groundedness(entailment=Model(1.0)).check([sentence], [ENGLISH])
    assert verdict.support is Support.UNSUPPORTED


class Embedder:
    """Unit vectors: one direction for texts that are about sleep, another for all else."""

    def embed_documents(self, texts):
        return np.array(
            [
                [1.0, 0.0] if {"sleeps", "rests"} & set(t.strip(".").split()) else [0.0, 1.0]
                for t in texts
            ],
            np.float32,
        )


def test_an_embedder_finds_the_evidence_where_words_differ():
    passage = "The red fox jumps high. The red fox sleeps long."
    (verdict,) = Groundedness(embedder=Embedder()).check(["The red fox rests."], [passage])
    assert verdict.evidence is not None
    start, end = verdict.evidence.span
    assert "sleeps" in passage[start:end]


@given(st.lists(st.text(max_size=200), max_size=4), st.lists(st.text(max_size=200), max_size=3))
def test_any_texts_get_a_verdict_with_a_span_that_is_there(sentences, passages):
    verdicts = Groundedness().check(sentences, passages)
    assert len(verdicts) == len(sentences)
    for verdict in verdicts:
        assert 0 <= verdict.score <= 1
        assert verdict.reason
        assert verdict.reason_zh
        for one in (verdict.evidence, *verdict.also):
            if one is not None:
                start, end = one.span
                assert passages[one.passage][start:end].strip()


@pytest.mark.parametrize("unit", ["word ", "字", "No. ", "1,000 ", "a" * 5000, "# "])
def test_a_sentence_of_100_000_characters_is_called_unsupported_at_once(unit, cpu_seconds):
    long = (unit * 100_000)[:100_000]
    with cpu_seconds(at_most=4):
        (verdict,) = Groundedness().check([long + "x"], [ENGLISH, long])
    assert verdict.support is Support.UNSUPPORTED
    assert f"{MAX_SENTENCE:,}" in verdict.reason
